"""Lines into a log that others write too: none is torn by another process's as far as pipes can promise that."""

import errno
import select

from guest.floor import kernel

# pipe(7), "PIPE_BUF": a write of so many bytes goes in as a whole; a longer one may be mixed with others.
_ATOMIC = select.PIPE_BUF


def write(fd: int, lines: bytes) -> None:
    """Write whole lines, several at once while they fit an atomic write. Waits for a reader that is late.

    Raises nothing: where the reader has gone, the lines have nowhere to go.
    """
    start, size = 0, len(lines)
    view = memoryview(lines)
    while start < size:
        end = size
        if size - start > _ATOMIC:
            end = lines.rfind(b"\n", start, start + _ATOMIC) + 1 or lines.find(b"\n", start + _ATOMIC) + 1 or size
        if not _write_all(fd, view[start:end]):
            return
        start = end


def can_take(fd: int) -> bool:
    """Whether a write would not block at once. A reader that has gone takes everything."""
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return bool(poll.poll(0))


def _write_all(fd: int, data: memoryview) -> bool:
    """write(2) until everything is written; False when nobody will ever read it."""
    while data:
        try:
            data = data[kernel.write(fd, data) :]
        except OSError as problem:
            if problem.errno != errno.EAGAIN:
                return False
            # Somebody who shares this pipe made it non-blocking, as node does with its standard output.
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()
    return True
