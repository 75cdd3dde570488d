"""How the image is built: packages.toml → plan → mmdebstrap → layer → OCI layout and engine."""
