"""Give this process to another program: the same pid, with the signal state the caller had.

CPython ignores SIGPIPE and SIGXFSZ for itself and catches SIGINT. An ignored signal stays ignored
across execve(2), so a command would see EPIPE where it expects to be ended by SIGPIPE.
"""

import errno

from guest.floor import kernel
from guest.mechanism import program

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal  # signal.py around it costs four milliseconds for its enums


def plain_signals() -> None:
    """Undo what CPython did to this process's signals; a tool calls it first.

    What the caller ignores otherwise (nohup and HUP) and the signal mask stay the caller's.
    """
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    if _signal.getsignal(_signal.SIGINT) == _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def become(arguments: list[bytes], environment: dict[bytes, bytes]) -> program.CannotStart:
    """Run arguments[0], found in environment's PATH, in place of this process.

    Returns only on failure, with what to say and the exit code (126 or 127). Standard input is not
    touched, and no descriptor of ours is left open: Python opens all of them close-on-exec.
    """
    try:
        where = program.find(arguments[0], environment)
    except program.CannotStart as problem:
        return problem
    try:
        kernel.execve(where, arguments, environment)
    except OSError as problem:
        return program.cannot_start(where, problem.errno or errno.EIO)
