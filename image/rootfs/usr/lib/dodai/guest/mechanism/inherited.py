"""The environment this process was started with, byte for byte."""

import os

from guest.mechanism import files


def environment() -> dict[bytes, bytes]:
    """What execve(2) handed over; of a name that came twice the first, as getenv(3) finds it.

    Not os.environb: under the C locale CPython puts LC_CTYPE there by itself (PEP 538), and that
    would reach every process of the container. Where /proc is missing os.environb has to do.
    """
    block = files.read_or_none(b"/proc/self/environ")
    if block is None:
        return dict(os.environb)
    found: dict[bytes, bytes] = {}
    for entry in block.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals and name:
            found.setdefault(name, value)
    return found
