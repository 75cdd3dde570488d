"""Which release of Debian or Ubuntu a root is: its programs behave differently here and there."""

from guest.mechanism import files


def codename(root: bytes = b"/") -> bytes:
    """VERSION_CODENAME of os-release(5), for example bookworm; empty when nobody says."""
    text = files.read_or_none(root.rstrip(b"/") + b"/etc/os-release") or b""
    for line in text.split(b"\n"):
        name, _, value = line.partition(b"=")
        if name == b"VERSION_CODENAME":
            return value.strip(b"\"'")
    return b""
