"""What an OCI layout says about itself, computed again: layout → contents → compare."""
