"""The one door to other programs: nothing else in `dodai` imports subprocess.

Every call says what it is for (`doing`, the X of "cannot X: why"), so that a failure reads like one of ours. A command is
shown ready to paste when output is verbose. Exit statuses are the shell's: 128+n for signal n.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from dodai import errors, output

TAIL_LINES = 20
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
STOP_SECONDS = 10.0  # what a long program has to clean up in when we are interrupted


@dataclasses.dataclass(frozen=True, slots=True)
class Done:
    """A program that ended. `stdout` and `stderr` are UTF-8, other bytes escaped (surrogateescape); "" if not captured."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.code == 0


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    doing: str,
    check: bool = True,
    capture: bool = True,
    timeout: float | None = None,
    input: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Done:
    """Run a program to its end.

    `capture=False` lets it write to our own stdout and stderr. `env` is added to our environment. Without `input` it reads
    /dev/null. `timeout` is in seconds. Raises CommandMissing, CommandTimedOut and, with `check`, CommandFailed.
    """
    args = _args(argv)
    output.command(args)
    pipe = subprocess.PIPE if capture else None
    started = time.monotonic()
    try:
        ended = subprocess.run(  # noqa: S603 - a list, never a shell
            args,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            stdout=pipe,
            stderr=pipe,
            timeout=timeout,
            env=_environ(env),
            cwd=cwd,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        tail = _text(error.stderr).splitlines()[-TAIL_LINES:]
        why = f"{shlex.quote(args[0])} did not answer in {timeout:g} s"
        raise errors.CommandTimedOut(doing, args, errors.SIGNAL_BASE + 9, tail, why=why) from None
    except OSError as error:
        raise _not_started(doing, args, error, cwd) from None
    done = Done(
        tuple(args),
        _shell_code(ended.returncode),
        _text(ended.stdout),
        _text(ended.stderr),
        time.monotonic() - started,
    )
    if check and not done.ok:
        raise errors.CommandFailed(doing, args, done.code, done.stderr.splitlines()[-TAIL_LINES:])
    return done


def stream(
    argv: Sequence[str | os.PathLike[str]],
    *,
    doing: str,
    on_line: Callable[[str], None],
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    log: Path | None = None,
    stdout: IO[bytes] | None = None,
) -> Done:
    """Run a long program and hand each line of its output to `on_line` as it comes.

    stdout and stderr are read together, unless `stdout` names an open file for the former. `log` keeps every line. The last
    lines are in the error and in `Done.stderr`. It gets a process group of its own, which is ended and waited for when we are
    interrupted. Raises as `run`.
    """
    args = _args(argv)
    output.command(args)
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    started = time.monotonic()
    try:
        child = subprocess.Popen(  # noqa: S603 - a list, never a shell
            args,
            stdin=subprocess.DEVNULL,
            stdout=stdout if stdout is not None else subprocess.PIPE,
            stderr=subprocess.PIPE if stdout is not None else subprocess.STDOUT,
            env=_environ(env),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise _not_started(doing, args, error, cwd) from None
    source = child.stderr if stdout is not None else child.stdout
    if source is None:
        raise errors.InternalError("a pipe that was asked for is not there")
    kept = log.open("ab") if log is not None else None
    try:
        for raw in source:
            if kept is not None:
                kept.write(raw)
            line = _text(raw).rstrip("\r\n")
            tail.append(line)
            on_line(line)
        code = _shell_code(child.wait())
    except BaseException:
        _end(child)
        raise
    finally:
        source.close()
        if kept is not None:
            kept.close()
    if check and code != 0:
        raise errors.CommandFailed(doing, args, code, list(tail))
    return Done(tuple(args), code, "", "\n".join(tail), time.monotonic() - started)


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """How a program on our terminal ended, and the last signal that we handed on to it, or None."""

    code: int
    signal: int | None


def attached(argv: Sequence[str | os.PathLike[str]], *, doing: str, env: Mapping[str, str] | None = None) -> Ended:
    """Run a program on our own terminal and hand TERM, INT, HUP and QUIT on to it.

    For programs that we have something to do after; otherwise `replace` is better. Raises CommandMissing or CommandFailed when
    it cannot be started.
    """
    args = _args(argv)
    output.command(args)
    output.flush()
    passed_on = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    # Blocked until the handler knows the child: a signal in between would be lost or would kill us alone.
    signal.pthread_sigmask(signal.SIG_BLOCK, passed_on)
    previous: dict[int, Any] = {}
    handed_on: list[int] = []
    try:
        try:
            child = subprocess.Popen(  # noqa: S603 - a list, never a shell
                args,
                env=_environ(env),
                preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on) and None,
            )
        except OSError as error:
            raise _not_started(doing, args, error, None) from None

        def forward(number: int, _frame: object) -> None:
            handed_on.append(number)
            # ^C on a terminal reached the child already: it is in our process group.
            if number in (signal.SIGINT, signal.SIGQUIT) and os.isatty(0):
                return
            child.send_signal(number)

        previous = {number: signal.signal(number, forward) for number in passed_on}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)
        code = _shell_code(child.wait())
        return Ended(code, handed_on[-1] if handed_on else None)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, passed_on)


def replace(
    argv: Sequence[str | os.PathLike[str]],
    *,
    doing: str,
    env: Mapping[str, str] | None = None,
) -> NoReturn:
    """Become the program: its signals, terminal and exit status are ours. Raises CommandMissing or CommandFailed."""
    args = _args(argv)
    output.command(args)
    output.flush()
    environ = dict(os.environ) if env is None else {**os.environ, **env}
    try:
        os.execvpe(args[0], args, environ)  # noqa: S606 - a list, never a shell
    except OSError as error:
        raise _not_started(doing, args, error, None) from None


def background(
    argv: Sequence[str | os.PathLike[str]],
    *,
    doing: str,
    log: Path,
    env: Mapping[str, str] | None = None,
) -> int:
    """Start a daemon that outlives us, in a session of its own, its output in `log`; return its PID.

    A thread collects it if it dies while we live, so that `alive` sees the death. Raises CommandMissing.
    """
    args = _args(argv)
    output.command(args)
    with log.open("ab") as sink:
        try:
            child = subprocess.Popen(  # noqa: S603 - a list, never a shell
                args,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=_environ(env),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise _not_started(doing, args, error, None) from None
    threading.Thread(target=child.wait, daemon=True).start()
    return child.pid


def alive(pid: int) -> bool:
    """Whether a process with that PID exists (also one of another user)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def which(program: str) -> str | None:
    """The path of a program that can be run, from PATH or, as a plain user's PATH lacks them, from the sbin directories."""
    found = shutil.which(program)
    return found or shutil.which(program, path=SBIN)


def _args(argv: Sequence[str | os.PathLike[str]]) -> list[str]:
    return [os.fspath(word) for word in argv]


def _environ(extra: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if extra is None else {**os.environ, **extra}


def _text(raw: bytes | str | None) -> str:
    if raw is None:
        return ""
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogateescape")


def _shell_code(returncode: int) -> int:
    return returncode if returncode >= 0 else errors.SIGNAL_BASE - returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop a child's process group in order, then by force: a builder needs a moment to unmount what it mounted.

    The whole group, because a child that waits for its own children may leave TERM to them.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _not_started(doing: str, args: Sequence[str], error: OSError, cwd: str | os.PathLike[str] | None) -> errors.CommandFailed:
    if isinstance(error, FileNotFoundError) and (cwd is None or Path(cwd).is_dir()):
        why = f'"{args[0]}" is not installed'
        return errors.CommandMissing(doing, args, errors.NOT_FOUND, why=why)
    why = f'cannot start "{args[0]}": {error.strerror or error}'
    return errors.CommandFailed(doing, args, errors.NOT_EXECUTABLE, why=why)
