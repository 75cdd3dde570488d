"""A container's boot and stop as a picture."""
