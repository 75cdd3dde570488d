"""Messages: one line each on stderr, written with one write(2) so that lines of others are not torn."""

import os

ERRORS, NORMAL, DEBUG = 0, 1, 2
PREFIX = "*** "

verbosity = NORMAL


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
    line = (PREFIX + text.replace("\n", " ") + "\n").encode("utf-8", "backslashreplace")
    try:
        os.write(2, line)
    except OSError:
        # A reader that went away or a full disk behind stderr must not stop an init.
        pass
