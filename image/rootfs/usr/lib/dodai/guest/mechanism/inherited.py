"""What this process was started with: the environment, byte for byte, and open descriptors."""

from guest.floor import kernel
from guest.mechanism import files


def environment() -> dict[bytes, bytes]:
    """What execve(2) handed over; of a name that came twice the first, as getenv(3) finds it.

    Not kernel.environ: under the C locale CPython puts LC_CTYPE there by itself (PEP 538), and that
    would reach every process of the container. Where /proc is missing kernel.environ has to do.
    """
    block = files.read_or_none(b"/proc/self/environ")
    if block is None:
        return dict(kernel.environ)
    found: dict[bytes, bytes] = {}
    for entry in block.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and name:
            found.setdefault(name, value)
    return found


def close_descriptors() -> None:
    """Close whatever the starter left open beyond 0 to 2: no child may inherit it."""
    try:
        names = kernel.listdir("/proc/self/fd")  # not up to the limit, which may be a billion
    except OSError:
        return
    for name in names:
        if int(name) > 2:
            try:
                kernel.close(int(name))
            except OSError:
                pass  # the one the list was read with
