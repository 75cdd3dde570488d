"""The boot log: what happened when, one JSON object a line, for people who ask later.

Times are CLOCK_MONOTONIC seconds, which no change of the wall clock touches. No value from the
environment ever stands here: the file is readable by everybody.
"""

import os
import time

from guest.floor import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.floor.json_text import Value

MODE = 0o644
_LARGEST = 4 << 20  # bytes; a service that flaps for months must not fill /run

_fd: int | None = None
_path = b""


def begin(path: bytes) -> None:
    """Start the log anew. Raises OSError."""
    global _fd, _path
    _path = path
    _fd = _open(os.O_TRUNC)


def write(event: str, **members: "Value") -> None:
    """Append one event with the present time. A full disk loses the line and nothing else."""
    if _fd is None:
        return
    line = json_text.of({"t": round(time.monotonic(), 6), "event": event, **members}) + "\n"
    try:
        _shorten()
        os.write(_fd, line.encode("ascii"))
    except OSError:
        pass


def started() -> float:
    """When the kernel made this process, in monotonic seconds to the nearest 10 ms (proc(5), starttime)."""
    with open("/proc/self/stat", "rb") as file:
        ticks = int(file.read().rpartition(b")")[2].split()[19])
    # starttime counts suspended time too (CLOCK_BOOTTIME), the monotonic clock does not.
    return ticks / os.sysconf("SC_CLK_TCK") - (time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())


def _open(flags: int) -> int:
    return os.open(_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | flags, MODE)


def _shorten() -> None:
    """Past its size the log becomes events.old, and a new one begins."""
    global _fd
    if _fd is None or os.fstat(_fd).st_size < _LARGEST:
        return
    os.rename(_path, _path + b".old")
    os.close(_fd)
    _fd = None  # also when the next line fails
    _fd = _open(0)
