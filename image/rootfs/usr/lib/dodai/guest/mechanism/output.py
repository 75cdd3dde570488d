"""Standard output of a tool, written at once and without Python's buffer, which would fail at exit."""

import select

from guest.floor import codes, say
from guest.mechanism import files


def write(data: str | bytes) -> int:
    """Write data to standard output. The exit code: 0, or 1 when it could not be written, which is said."""
    try:
        files.write_all(1, data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
    except OSError as problem:
        say.error(f"cannot write to standard output: {problem.strerror}")
        return codes.FAILED
    return codes.OK


def reader_is_gone() -> bool:
    """Whether standard output is a pipe that nobody reads any more, as after the end of a `docker exec`."""
    poll = select.poll()
    poll.register(1, 0)
    return bool(poll.poll(0))
