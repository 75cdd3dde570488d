"""How the ends of services reach PID 1: each `finish` writes one line into a fifo (service/finish)."""

from guest.floor import kernel
from guest.mechanism import watch


class Ending:
    """One end: the service's name and wait status, the pids of its runsv and of its waiting finish, whether asked for."""

    __slots__ = ("asked", "finish", "name", "runsv", "status")

    def __init__(self, name: bytes, status: int, finish: int, runsv: int, asked: bool) -> None:
        self.name = name
        self.status = status
        self.finish = finish
        self.runsv = runsv
        self.asked = asked


class Mailbox:
    """The fifo, open for reading and apart from that for writing: no writer waits, and no end of file comes."""

    __slots__ = ("_fd", "_rest", "_writer")

    def __init__(self, path: bytes) -> None:
        """Make it. Raises OSError."""
        kernel.mkfifo(path, 0o600)
        self._fd = kernel.open(path, kernel.O_RDONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
        # Not O_RDWR: whoever may write too is told of every read, also of one that found nothing; so each look
        # would lead to the next.
        self._writer = kernel.open(path, kernel.O_WRONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
        watch.data(self._fd)
        self._rest = b""

    def take(self) -> list[Ending]:
        """The ends told since the last time. A line is at most PIPE_BUF long, so it is never torn (pipe(7))."""
        while True:
            try:
                data = kernel.read(self._fd, 1 << 16)
            except BlockingIOError:
                break
            self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        return [ending for line in lines if (ending := _parsed(line)) is not None]


def _parsed(line: bytes) -> Ending | None:
    """The first two words are runsv's: the exit code, or -1 and the wait status's low byte (runsv.8)."""
    words = line.split(b" ", 5)
    try:
        code, low_byte, finish, runsv = (int(word) for word in words[:4])
        return Ending(words[5], code << 8 if code >= 0 else low_byte & 0x7F, finish, runsv, words[4] == b"asked")
    except (ValueError, IndexError):
        return None
