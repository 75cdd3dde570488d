"""Reads a log that is still written: what is there, then what comes, also past the turn of its two files.

The writer appends to the newer file and at some size renames it to the older one.
"""

import time

from guest.floor import kernel
from guest.mechanism import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL_SECONDS = 0.1  # python3-minimal has no inotify
_READ = 65536


class Log:
    """Both files, opened. `skipped` counts the turns whose lines could not be seen any more."""

    __slots__ = ("_fd", "_newer", "_older", "skipped")

    def __init__(self, newer: bytes, older: bytes) -> None:
        """Raises OSError when there is no newer file, or it may not be read."""
        self._newer = newer
        self._older = older
        self._fd = kernel.open(newer, kernel.O_RDONLY | kernel.O_CLOEXEC)
        self.skipped = 0

    def so_far(self) -> bytes:
        """Everything that is kept now; `more` goes on behind it."""
        older = b""
        # Turned since we opened it: then it is ours, and comes below.
        if not self._is_ours(self._older):
            older = files.read_or_none(self._older) or b""
        return older + self._rest()

    def more(self) -> bytes:
        """What has come since; empty when nothing has."""
        data = self._rest()
        if data or self._is_ours(self._newer):
            return data
        data = self._rest()  # written between the last read and the turn
        if not self._is_ours(self._older):
            self.skipped += 1
        try:
            fd = kernel.open(self._newer, kernel.O_RDONLY | kernel.O_CLOEXEC)
        except OSError:
            return data  # in the middle of the turn
        kernel.close(self._fd)
        self._fd = fd
        return data + self._rest()

    def _is_ours(self, path: bytes) -> bool:
        try:
            there, here = kernel.stat(path), kernel.fstat(self._fd)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def _rest(self) -> bytes:
        pieces = []
        while piece := kernel.read(self._fd, _READ):
            pieces.append(piece)
        return b"".join(pieces)


def pieces(log: Log) -> "Iterator[bytes]":
    """What comes, as it comes, for ever; empty pieces while nothing does, so that the caller can look around."""
    while True:
        data = log.more()
        yield data
        if not data:
            time.sleep(_POLL_SECONDS)
