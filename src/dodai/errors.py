"""Every failure that a user can meet, each with its exit code and its remedy.

    DodaiError                      1
    ├── UsageError                  2    wrong option, argument or file named on the command line
    │   └── KeyUnusable             2    a private key that ssh would refuse
    ├── ContainerError              123
    │   ├── ContainerNotFound
    │   ├── ContainerAmbiguous
    │   └── ContainerNotRunning
    ├── BuildFailed                 124
    │   ├── MirrorUnreachable
    │   ├── NoSpace
    │   └── ImageSourceMissing
    ├── EngineError                 125
    │   ├── EngineMissing
    │   ├── EngineRefused
    │   ├── ImageMissing
    │   └── RegistryRefused              also: it does not answer
    ├── ProvisionFailed             125  a package that is needed could not be installed
    ├── CommandFailed               1    a program that we started failed; callers turn it into one of the above
    │   ├── CommandMissing          1
    │   └── CommandTimedOut         1
    └── InternalError               70   a fault of Dodai's own

Libraries raise these; only `dodai.cli` turns them into an exit. A message reads "cannot X: why"; `hint` says what to do.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence

OK = 0
FAILED = 1
USAGE = 2
INTERNAL = 70
CONTAINER = 123
BUILD = 124
ENGINE = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127
SIGNAL_BASE = 128
INTERRUPTED = 130


class DodaiError(Exception):
    """A failure to report to the user: one line of message, one of remedy.

    `message` must be one line. `hint` is the remedy, or empty when there is none to give. `exit_code` is the class's unless
    an instance is given its own.
    """

    exit_code = FAILED

    def __init__(self, message: str, *, hint: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code

    def __str__(self) -> str:
        return self.message


class UsageError(DodaiError):
    exit_code = USAGE


class KeyUnusable(UsageError):
    pass


class ContainerError(DodaiError):
    exit_code = CONTAINER


class ContainerNotFound(ContainerError):
    pass


class ContainerAmbiguous(ContainerError):
    pass


class ContainerNotRunning(ContainerError):
    pass


class BuildFailed(DodaiError):
    exit_code = BUILD


class MirrorUnreachable(BuildFailed):
    pass


class NoSpace(BuildFailed):
    pass


class ImageSourceMissing(BuildFailed):
    pass


class EngineError(DodaiError):
    exit_code = ENGINE


class EngineMissing(EngineError):
    pass


class EngineRefused(EngineError):
    pass


class ImageMissing(EngineError):
    pass


class RegistryRefused(EngineError):
    pass


class ProvisionFailed(DodaiError):
    exit_code = ENGINE


class InternalError(DodaiError):
    exit_code = INTERNAL


class CommandFailed(DodaiError):
    """A program ended badly.

    `argv` is what was run, `code` its exit status (128+n when signal n killed it), `tail` the last lines of its stderr.
    """

    def __init__(
        self,
        doing: str,
        argv: Sequence[str],
        code: int,
        tail: Sequence[str] = (),
        *,
        why: str = "",
        hint: str = "",
    ) -> None:
        reason = why or f"{shlex.quote(argv[0])} {ended(code)}"
        last = next((line.strip() for line in reversed(tail) if line.strip()), "")
        if last and not why:
            reason = f"{reason}: {last}"
        super().__init__(f"cannot {doing}: {reason}", hint=hint)
        self.doing = doing
        self.argv = list(argv)
        self.code = code
        self.tail = list(tail)


class CommandMissing(CommandFailed):
    pass


class CommandTimedOut(CommandFailed):
    pass


def ended(code: int) -> str:
    """How a program ended, in words: "exited with 3", or "was killed by SIGKILL" for 128+9."""
    if code > SIGNAL_BASE:
        try:
            return f"was killed by {signal.Signals(code - SIGNAL_BASE).name}"
        except ValueError:
            pass
    return f"exited with {code}"
