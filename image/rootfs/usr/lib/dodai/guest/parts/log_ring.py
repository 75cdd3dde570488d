"""The last lines of one service, kept for `dodaictl logs`: two files in STATE/log, NAME.log and the older NAME.old.

The newer one takes 64 KiB, then it takes the older one's place, so that together they always have the
last 64 KiB. The endings keep names apart: a service may be called `web.log`.
"""

from guest.floor import kernel, paths
from guest.mechanism import files

KEPT = 65536  # bytes
_MODE = 0o640  # what services print is not for everybody


def directory(state: bytes) -> bytes:
    """STATE/log, where the FIFOs are too."""
    return state + b"/log"


def fifo(state: bytes, name: bytes, stream: str) -> bytes:
    """STATE/log/NAME.out or NAME.err: what the service has as its stdout or stderr."""
    return directory(state) + b"/" + name + (b".out" if stream == "stdout" else b".err")


def newer(state: bytes, name: bytes) -> bytes:
    """The file that is being written."""
    return directory(state) + b"/" + name + b".log"


def older(state: bytes, name: bytes) -> bytes:
    """The file that was written before."""
    return directory(state) + b"/" + name + b".old"


class Writer:
    """Appends to the two files. A full disk costs the copy, never the log itself: no method raises OSError."""

    __slots__ = ("_fd", "_name", "_size", "_state")

    def __init__(self, state: bytes, name: bytes) -> None:
        self._state = state
        self._name = name
        self._fd: int | None = None
        self._size = 0

    def write(self, lines: bytes) -> None:
        """Append whole lines; of a batch larger than the ring only the last ones."""
        try:
            if len(lines) > KEPT:
                lines = tail(lines)
                self._turn()
                kernel.unlink(older(self._state, self._name))  # what it has ends before the lines left out here
            elif self._size >= KEPT:
                self._turn()
            fd = self._open() if self._fd is None else self._fd
            files.write_all(fd, lines)
            self._size += len(lines)
        except OSError:
            self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd is not None:
            kernel.close(self._fd)
            self._fd = None

    def _turn(self) -> None:
        """Let the newer file take the older one's place."""
        if self._fd is None:
            self._open()
        self.close()
        kernel.rename(newer(self._state, self._name), older(self._state, self._name))

    def _open(self) -> int:
        flags = kernel.O_WRONLY | kernel.O_APPEND | kernel.O_CREAT | kernel.O_NOFOLLOW | kernel.O_CLOEXEC
        fd = self._fd = kernel.open(newer(self._state, self._name), flags, _MODE)
        self._size = kernel.fstat(fd).st_size
        if not self._size:
            kernel.fchmod(fd, _MODE)
            try:
                kernel.fchown(fd, -1, paths.DOCKER_ENV_GID)
            except OSError:
                pass  # not root: the file stays the caller's alone
        return fd


def tail(data: bytes) -> bytes:
    """The last 64 KiB, from the beginning of a line unless one line is longer."""
    if len(data) <= KEPT:
        return data
    start = len(data) - KEPT
    newline = data.find(b"\n", start - 1, len(data) - 1)
    return data[newline + 1 :] if newline >= 0 else data[start:]


def read(state: bytes, name: bytes) -> bytes:
    """The last 64 KiB of a service's lines. Raises OSError when there are none, or they may not be read."""
    new = files.read(newer(state, name))
    return tail((files.read_or_none(older(state, name)) or b"") + new)
