"""Asks runsv to do something with its service, as sv(8) does: one letter into supervise/control."""

import errno

from guest.floor import kernel
from guest.mechanism import signals
from guest.parts import supervision

UP, DOWN, TERM = b"u", b"d", b"t"
AGAIN = b"tcu"  # as sv(8) does: TERM, CONT in case it was stopped, and up

# The signals that runsv sends itself, so that control/ scripts see them (runsv.8, "CONTROL").
_LETTERS = {
    "STOP": b"p",
    "CONT": b"c",
    "HUP": b"h",
    "ALRM": b"a",
    "INT": b"i",
    "QUIT": b"q",
    "USR1": b"1",
    "USR2": b"2",
    "TERM": TERM,
    "KILL": b"k",
}


class Failed(Exception):
    """The request could not be made: why, as the end of a sentence, with the remedy."""


def send(home: bytes, letters: bytes) -> None:
    """Hand letters to the service's runsv. Raises Failed."""
    path = home + b"/supervise/control"
    try:
        fd = kernel.open(path, kernel.O_WRONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
    except OSError as problem:
        if problem.errno == errno.ENXIO:
            raise Failed("its supervisor does not run") from None
        raise _denied(home, problem) from None
    try:
        kernel.write(fd, letters)
    except OSError as problem:
        raise Failed(kernel.strerror(problem.errno or 0).lower()) from None
    finally:
        kernel.close(fd)


def signal(home: bytes, number: int) -> None:
    """Send the service's process a signal, through runsv where it knows it. Raises Failed."""
    status = supervision.read(home + b"/supervise")
    if status is None and not kernel.access(home + b"/supervise", kernel.R_OK | kernel.X_OK, effective_ids=True):
        raise _denied(home, PermissionError(errno.EACCES, ""))
    if status is None or status.state != supervision.RUN or not status.pid:
        raise Failed("it does not run")
    letter = _LETTERS.get(signals.name(number).removeprefix("SIG"))
    if letter is not None:
        send(home, letter)
        return
    try:
        kernel.kill(status.pid, number)
    except OSError as problem:
        raise Failed(kernel.strerror(problem.errno or 0).lower()) from None


def _denied(home: bytes, problem: OSError) -> Failed:
    if problem.errno != errno.EACCES:
        return Failed(kernel.strerror(problem.errno or 0).lower())
    return Failed(f"permission denied; run dodaictl as uid {kernel.stat(home).st_uid}, to whom it belongs")
