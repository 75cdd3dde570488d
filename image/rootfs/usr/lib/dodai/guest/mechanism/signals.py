"""Signals as a queue: all are blocked for good and taken one by one with sigtimedwait(2).

Nothing runs asynchronously, so no handler can interrupt a half-made step. A blocked signal is kept
for PID 1 even where its action is "ignore" or the default that the kernel withholds from an init.
"""

import errno

from guest.mechanism import storm

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # what signal.py wraps; that one costs milliseconds because of its enums

CHLD, TERM, INT, HUP, KILL, CONT, IO = (
    int(_signal.SIGCHLD),
    int(_signal.SIGTERM),
    int(_signal.SIGINT),
    int(_signal.SIGHUP),
    int(_signal.SIGKILL),
    int(_signal.SIGCONT),
    int(_signal.SIGIO),  # what F_SETSIG's signal becomes when the queue of real-time signals is full
)
# A directory that is watched changed; real-time, so that it is never mistaken for a kill -IO from outside.
WATCH = int(_signal.SIGRTMIN) + 3

CHANGED = -1  # `wait` says so when the kernel has told of a directory or a fifo

# What a terminal sends to stop whoever reads, writes or runs there. An init must not stop.
TERMINAL = frozenset((int(_signal.SIGTTIN), int(_signal.SIGTTOU), int(_signal.SIGTSTP)))

STOP = int(_signal.SIGSTOP)
TSTP = int(_signal.SIGTSTP)

# Not names of signals, or second names of some (signal(7)).
_OTHER_NAMES = frozenset(("SIG_DFL", "SIG_IGN", "SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK", "SIGIOT", "SIGCLD", "SIGPOLL"))

ALL = frozenset(int(number) for number in _signal.valid_signals())

_TRIES = 3
_failures = 0  # of `wait`, one after the other


def block_all() -> None:
    """Block everything that can be blocked; the kernel's own SEGV and the like come through all the same."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, ALL)


def default_all() -> None:
    """Give every signal its default action: CPython ignores PIPE and XFSZ and catches INT."""
    for number in ALL:
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            pass  # KILL, STOP and those the C library keeps for itself


def unblock_all() -> None:
    """The mask of a fresh login: empty."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())


def ignore_requests() -> None:
    """Ignore what asks a process to end or to stop, for one that PID 1 ends in another way."""
    for number in (HUP, INT, int(_signal.SIGQUIT), TERM, *TERMINAL):
        _signal.signal(number, _signal.SIG_IGN)


def wait(seconds: float | None) -> int:
    """The number of the next signal, waiting for seconds (None: for ever); 0 when none came.

    EINTR after a stop and continue of this process is "none came"; so is what a terminal sends to stop us.
    Raises OSError only when the kernel goes on failing.
    """
    global _failures
    try:
        info = _signal.sigwaitinfo(ALL) if seconds is None else _signal.sigtimedwait(ALL, max(seconds, 0.0))
    except OSError as problem:
        if problem.errno not in (errno.EINTR, errno.EAGAIN):
            _failures += 1
            if _failures >= _TRIES:
                raise
        return 0
    _failures = 0
    if info is None:
        return 0
    if info.si_code > 0:  # the kernel's own, not a kill(2) from outside (sigaction(2), si_code)
        if info.si_signo in TERMINAL:
            return 0
        if info.si_signo in (WATCH, IO):
            return CHANGED
    return int(info.si_signo)


_changes = storm.Storm()


def drain(number: int) -> None:
    """Take all of one signal that have queued up: a real-time signal comes once for every change. Raises nothing.

    Waits a moment for more where there is change after change.
    """
    _changes.nap()
    try:
        while _signal.sigtimedwait((number,), 0) is not None:
            pass
    except OSError:
        pass  # what is left comes as the next signal


def name(number: int) -> str:
    """SIGTERM for 15; the number where it has no name."""
    for key, value in vars(_signal).items():
        if key.startswith("SIG") and value == number and key not in _OTHER_NAMES:
            return str(key)
    return f"signal {number}"


def number(text: str) -> int | None:
    """The reverse of name, with or without SIG, or a number; None for an unknown one."""
    upper = text.strip().upper()
    if upper.isdigit():
        return int(upper) if int(upper) in ALL else None
    value = getattr(_signal, upper if upper.startswith("SIG") else "SIG" + upper, None)
    return int(value) if isinstance(value, int) and value in ALL else None


def forwarded() -> frozenset[int]:
    """What goes on to the one-shot command: everything that init has no use for itself.

    SEGV and the like too: a fault of our own is never taken by `wait`, since the kernel ends us at once.
    """
    return ALL - {CHLD, TERM, INT, KILL, STOP}
