"""What the commands are made of: building, provisioning, reaching a container."""
