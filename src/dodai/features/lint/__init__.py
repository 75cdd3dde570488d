"""The faults of a derived image, or of a directory that one is built from."""
