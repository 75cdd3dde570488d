"""Messages: one line each on stderr, written with one write(2) so that lines of others are not torn."""

import time

from guest.floor import kernel

ERRORS, NORMAL, DEBUG = 0, 1, 2
PREFIX = "*** "

verbosity = NORMAL

_PATIENCE = 0.1  # seconds that a full pipe may hold up an init, once until it is read again
_LOOK_SECONDS = 0.005

_fd = 2
_lost = 0  # messages that could not be written since the last one that could


def never_block() -> None:
    """For an init: whoever stops reading its stderr must not stop it too.

    O_NONBLOCK belongs to the open file description, which every child shares with us; so fd 2 is
    opened anew (proc(5), /proc/pid/fd). Where that cannot be, as with a socket, writes may block.
    """
    global _fd
    try:
        if kernel.fstat(2).st_mode & 0o170000 not in (0o010000, 0o020000):
            return  # neither FIFO nor terminal: a file opened anew would be written from its start
        _fd = kernel.open("/proc/self/fd/2", kernel.O_WRONLY | kernel.O_NONBLOCK | kernel.O_NOCTTY | kernel.O_CLOEXEC)
    except OSError:
        pass


def set_verbosity(level: int) -> None:
    """Show messages up to level: ERRORS (0), NORMAL (1) or DEBUG (2)."""
    global verbosity
    verbosity = level


def error(text: str) -> None:
    """A line that is always shown."""
    _write(text)


def info(text: str) -> None:
    """A line that --quiet hides."""
    if verbosity >= NORMAL:
        _write(text)


def debug(text: str) -> None:
    """A line that only MY_INIT_VERBOSITY=2 shows."""
    if verbosity >= DEBUG:
        _write(text)


def shown(value: bytes) -> str:
    """A name from outside as it can stand in a message: printable, on one line."""
    text = value.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _write(text: str) -> None:
    global _lost
    lost, _lost = _lost, 0
    if lost and not _written(f"messages lost, since nobody read them: {lost}", 0.0):
        _lost = lost + 1
    elif not _written(text, _PATIENCE):
        _lost = 1


def _written(text: str, patience: float) -> bool:
    """False when the reader has not made room within patience seconds."""
    line = (PREFIX + text.replace("\n", " ") + "\n").encode("utf-8", "backslashreplace")
    end = time.monotonic() + patience
    while line:
        try:
            line = line[kernel.write(_fd, line) :]
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_SECONDS)
        except OSError:
            # A reader that went away or a full disk behind stderr must not stop an init.
            return True
    return True
