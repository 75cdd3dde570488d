"""Changes as a signal: of a directory by fcntl(2) F_NOTIFY, since python3-minimal has no inotify; of a fifo by O_ASYNC.

Works on overlayfs and tmpfs. Where the kernel lacks it (CONFIG_DNOTIFY) `add` says so and the caller
looks at the directory from time to time.
"""

import fcntl

from guest.floor import kernel
from guest.mechanism import descriptors, signals

ENTRIES = fcntl.DN_CREATE | fcntl.DN_DELETE | fcntl.DN_RENAME
RENAMES = fcntl.DN_RENAME


def add(path: bytes, events: int = ENTRIES) -> int | None:
    """Send signals.WATCH whenever an entry of path changes, until the returned descriptor is closed.

    None when the directory is missing, the kernel cannot watch it or there is no room for another descriptor.
    """
    try:
        fd = kernel.open(path, kernel.O_RDONLY | kernel.O_DIRECTORY | kernel.O_CLOEXEC)
    except OSError:
        return None
    if descriptors.too_many(fd):
        kernel.close(fd)
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signals.WATCH)
        fcntl.fcntl(fd, fcntl.F_NOTIFY, events | fcntl.DN_MULTISHOT)
    except OSError:
        kernel.close(fd)
        return None
    return fd


def data(fd: int) -> None:
    """Send signals.WATCH whenever something can be read from a fifo or socket; its reads do not block then.

    Where the kernel cannot, its reader looks from time to time (fcntl(2), O_ASYNC).
    """
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | kernel.O_NONBLOCK)
    try:
        fcntl.fcntl(fd, fcntl.F_SETOWN, kernel.getpid())
        fcntl.fcntl(fd, fcntl.F_SETSIG, signals.WATCH)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | fcntl.FASYNC)
    except OSError:
        pass
