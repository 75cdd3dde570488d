"""The boot log: what happened when, one JSON object a line, for people who ask later.

Times are CLOCK_MONOTONIC seconds, which no change of the wall clock touches. No value from the
environment ever stands here: the file is readable by everybody.
"""

import time

from guest.floor import json_text, kernel

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
    _fd = _open(kernel.O_TRUNC)


def write(event: str, **members: "Value") -> None:
    """Append one event with the present time. A full disk loses the line and nothing else."""
    if _fd is None:
        return
    line = json_text.of({"t": round(time.monotonic(), 6), "event": event, **members}) + "\n"
    try:
        _shorten()
        kernel.write(_fd, line.encode("ascii"))
    except OSError:
        pass


def started() -> float:
    """When the kernel made this process, in monotonic seconds to the nearest 10 ms (proc(5), starttime)."""
    with open("/proc/self/stat", "rb") as file:
        ticks = int(file.read().rpartition(b")")[2].split()[19])
    # starttime counts suspended time too (CLOCK_BOOTTIME), the monotonic clock does not.
    return ticks / kernel.sysconf("SC_CLK_TCK") - (time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())


def _open(flags: int) -> int:
    flags |= kernel.O_WRONLY | kernel.O_CREAT | kernel.O_APPEND | kernel.O_CLOEXEC | kernel.O_NOFOLLOW
    return kernel.open(_path, flags, MODE)


def _shorten() -> None:
    """Past its size the log becomes events.old, and a new one begins."""
    global _fd
    if _fd is None or kernel.fstat(_fd).st_size < _LARGEST:
        return
    kernel.rename(_path, _path + b".old")
    kernel.close(_fd)
    _fd = None  # also when the next line fails
    _fd = _open(0)
