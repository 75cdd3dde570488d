"""Directory changes as a signal: fcntl(2) F_NOTIFY, since python3-minimal has no inotify.

Works on overlayfs and tmpfs. Where the kernel lacks it (CONFIG_DNOTIFY) `add` says so and the caller
looks at the directory from time to time.
"""

import fcntl
import os

from guest.mechanism import signals

ENTRIES = fcntl.DN_CREATE | fcntl.DN_DELETE | fcntl.DN_RENAME
RENAMES = fcntl.DN_RENAME


def add(path: bytes, events: int = ENTRIES) -> int | None:
    """Send signals.WATCH whenever an entry of path changes, until the returned descriptor is closed.

    None when the directory is missing or the kernel cannot watch it.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signals.WATCH)
        fcntl.fcntl(fd, fcntl.F_NOTIFY, events | fcntl.DN_MULTISHOT)
    except OSError:
        os.close(fd)
        return None
    return fd
