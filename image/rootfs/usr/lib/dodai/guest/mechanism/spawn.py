"""Start a program with the signal state of a fresh login, and register it for the reaper.

posix_spawn(3) where it suffices: the C library starts the child without running any of our code in
it. Only the hand-over of a terminal needs a fork, since the child must own the foreground before
its program runs.
"""

import errno
import time

from guest.floor import kernel
from guest.mechanism import program, reap, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# What may be over in a moment: no process or memory to spare, a program that is just being written.
_PASSING = frozenset((errno.EAGAIN, errno.ENOMEM, errno.EINTR, errno.ETXTBSY))
_TRIES = 3
_PAUSE_SECONDS = 0.01

# What an exec leaves behind in the child: defaults for all signals (KILL and STOP cannot be set).
DEFAULTS = tuple(sorted(signals.ALL - {signals.KILL, signals.STOP}))


def start(
    arguments: list[bytes],
    environment: dict[bytes, bytes],
    *,
    path: bytes | None = None,
    session: bool = False,
    stdin: bytes | int | None = None,
    stdout: bytes | None = None,
    stderr: bytes | None = None,
) -> int:
    """Start arguments[0] (or path, with arguments as argv) and return its registered pid.

    session: a session of its own, without a controlling terminal. stdin, stdout, stderr: files to
    open instead of the inherited descriptors; a number as stdin is a descriptor.
    Raises program.CannotStart with the reason.
    """
    where = path or program.find(arguments[0], environment)
    actions: list[tuple[object, ...]] = []
    for fd, source, flags in ((0, stdin, kernel.O_RDONLY), (1, stdout, kernel.O_WRONLY), (2, stderr, kernel.O_WRONLY)):
        if isinstance(source, int):
            actions.append((kernel.POSIX_SPAWN_DUP2, source, fd))
        elif source:
            actions.append((kernel.POSIX_SPAWN_OPEN, fd, source, flags, 0))
    return _registered(
        where,
        lambda: kernel.posix_spawn(
            where,
            arguments,
            environment,
            file_actions=actions,
            setsid=session,
            setsigmask=(),
            setsigdef=DEFAULTS,
        ),
    )


def start_in_group(arguments: list[bytes], environment: dict[bytes, bytes], terminal: int | None) -> int:
    """Start a command as the leader of its own process group, in the foreground of terminal if there is one.

    Returns the registered pid, which is also the group's id. Raises program.CannotStart.
    """
    where = program.find(arguments[0], environment)
    if terminal is None:
        return _registered(
            where,
            lambda: kernel.posix_spawn(where, arguments, environment, setpgroup=0, setsigmask=(), setsigdef=DEFAULTS),
        )
    return _fork_in_foreground(where, arguments, environment, terminal)


def _registered(where: bytes, spawn: "Callable[[], int]") -> int:
    """The pid that spawn returns, which is called again where the kernel may have what it lacks in a moment."""
    tries = _TRIES
    while True:
        try:
            pid = spawn()
            break
        except OSError as problem:
            tries -= 1
            if not tries or problem.errno not in _PASSING:
                raise program.cannot_start(where, problem.errno or errno.EIO) from None
        time.sleep(_PAUSE_SECONDS)
    reap.register(pid)
    return pid


def _fork_in_foreground(where: bytes, arguments: list[bytes], environment: dict[bytes, bytes], terminal: int) -> int:
    """fork, take the foreground of the terminal, exec; an exec that fails comes back through a pipe."""
    reader, writer = kernel.pipe()  # close-on-exec: end of file is the exec
    pid = _registered(where, kernel.fork)
    if pid == 0:
        try:
            kernel.setpgid(0, 0)
            kernel.tcsetpgrp(terminal, kernel.getpid())  # SIGTTOU is still blocked here
            signals.default_all()
            signals.unblock_all()
            kernel.execve(where, arguments, environment)
        except OSError as problem:
            kernel.write(writer, b"%d" % (problem.errno or errno.EIO))
        finally:
            kernel.exit_at_once(127)
    kernel.close(writer)
    failure = kernel.read(reader, 16)
    kernel.close(reader)
    if failure:
        raise program.cannot_start(where, int(failure))
    return pid
