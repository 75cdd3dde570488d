"""Start a program with the signal state of a fresh login, and register it for the reaper.

posix_spawn(3) where it suffices: the C library starts the child without running any of our code in
it. Only the hand-over of a terminal needs a fork, since the child must own the foreground before
its program runs.
"""

import errno
import os

from guest.mechanism import program, reap, signals

# What an exec leaves behind in the child: defaults for all signals (KILL and STOP cannot be set).
_DEFAULTS = tuple(sorted(signals.ALL - {signals.KILL, signals.STOP}))


def start(
    arguments: list[bytes],
    environment: dict[bytes, bytes],
    *,
    path: bytes | None = None,
    session: bool = False,
    stdin: bytes | None = None,
) -> int:
    """Start arguments[0] (or path, with arguments as argv) and return its registered pid.

    session: a session of its own, without a controlling terminal. stdin: a file to open as
    descriptor 0 instead of the inherited one. Raises program.CannotStart with the reason.
    """
    where = path or program.find(arguments[0], environment)
    actions = [(os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0)] if stdin else []
    try:
        pid = os.posix_spawn(
            where,
            arguments,
            environment,
            file_actions=actions,
            setsid=session,
            setsigmask=(),
            setsigdef=_DEFAULTS,
        )
    except OSError as problem:
        raise program.cannot_start(where, problem.errno or errno.EIO) from None
    reap.register(pid)
    return pid


def start_in_group(arguments: list[bytes], environment: dict[bytes, bytes], terminal: int | None) -> int:
    """Start a command as the leader of its own process group, in the foreground of terminal if there is one.

    Returns the registered pid, which is also the group's id. Raises program.CannotStart.
    """
    where = program.find(arguments[0], environment)
    if terminal is None:
        try:
            pid = os.posix_spawn(where, arguments, environment, setpgroup=0, setsigmask=(), setsigdef=_DEFAULTS)
        except OSError as problem:
            raise program.cannot_start(where, problem.errno or errno.EIO) from None
        reap.register(pid)
        return pid
    return _fork_in_foreground(where, arguments, environment, terminal)


def _fork_in_foreground(where: bytes, arguments: list[bytes], environment: dict[bytes, bytes], terminal: int) -> int:
    """fork, take the foreground of the terminal, exec; an exec that fails comes back through a pipe."""
    reader, writer = os.pipe()  # close-on-exec: end of file is the exec
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            os.tcsetpgrp(terminal, os.getpid())  # SIGTTOU is still blocked here
            signals.default_all()
            signals.unblock_all()
            os.execve(where, arguments, environment)
        except OSError as problem:
            os.write(writer, b"%d" % (problem.errno or errno.EIO))
        finally:
            os._exit(127)
    reap.register(pid)
    os.close(writer)
    failure = os.read(reader, 16)
    os.close(reader)
    if failure:
        raise program.cannot_start(where, int(failure))
    return pid
