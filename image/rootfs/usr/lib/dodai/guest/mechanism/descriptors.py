"""How many descriptors PID 1 may hold for its services: the rest is for what it does in between, a look into /proc for one."""

from guest.floor import kernel

_KEPT = 24


def too_many(fd: int) -> bool:
    """Whether so high a number leaves too few below the limit (getrlimit(2), RLIMIT_NOFILE)."""
    limit = kernel.sysconf("SC_OPEN_MAX")
    return 0 <= limit < fd + _KEPT  # -1: there is none
