"""All that Dodai says on its own behalf: on stderr, so that stdout is the command's alone.

One line per message. Rich is imported only when something is shown in colour or moves: a call that says nothing stays quick.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

QUIET, NORMAL, VERBOSE = 0, 1, 2

_level = NORMAL
_console: Console | None = None


def set_level(level: int) -> None:
    """QUIET shows errors only, NORMAL also what is being done, VERBOSE also each command that is run."""
    global _level
    _level = level


def level() -> int:
    return _level


def console() -> Console:
    """The Rich console on stderr, made at the first use."""
    global _console
    if _console is None:
        from rich.console import Console

        _console = Console(stderr=True, highlight=False, soft_wrap=True)
    return _console


def say(message: str) -> None:
    """What is being done, for people to follow."""
    if _level >= NORMAL:
        _line("dodai: ", message, "bold cyan")


def warn(message: str) -> None:
    """Something that a user should know although the work goes on."""
    _line("dodai: warning: ", message, "bold yellow")


def error(message: str, hint: str = "") -> None:
    """One line of failure and, if there is one, one of remedy."""
    _line("dodai: ", message, "bold red")
    if hint:
        _line("dodai: remedy: ", hint, "bold green")


def command(argv: Sequence[str]) -> None:
    """A command, ready to paste, when verbose."""
    if _level >= VERBOSE:
        _line("+ ", shlex.join(argv), "dim")


def flush() -> None:
    """Nothing of ours may come after what a program writes that takes our place."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


class Progress:
    """A long step: `update` replaces the moving line on a terminal; elsewhere only the first and last words are lines."""

    def __init__(self, title: str, moving: Status | None) -> None:
        self.title = title
        self._moving = moving

    def update(self, detail: str) -> None:
        """Show what the step is at, shortened to the terminal's width."""
        if self._moving is not None:
            from rich.markup import escape

            room = max(20, console().width - len(self.title) - 8)
            self._moving.update(f"{escape(self.title)} [dim]{escape(_clean(detail)[:room])}[/dim]")


@contextlib.contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show that something long is going on: a spinner on a terminal, one plain line elsewhere."""
    if _level >= NORMAL and interactive():
        with console().status(title) as moving:
            yield Progress(title, moving)
        return
    say(title)
    yield Progress(title, None)


def interactive() -> bool:
    """Whether stderr is a terminal that can show something moving."""
    try:
        return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except (ValueError, AttributeError):
        return False


def _clean(text: str) -> str:
    """One printable line: what came from elsewhere must not move the cursor or break our line."""
    return "".join(c if c.isprintable() else " " for c in text.encode("utf-8", "replace").decode("utf-8"))


def _line(prefix: str, message: str, style: str) -> None:
    text = _clean(message)
    if interactive() and "NO_COLOR" not in os.environ:
        from rich.text import Text

        console().print(Text.assemble((prefix, style), text))
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        # A closed stderr must not turn a finished run into a failure.
        sys.stderr.write(f"{prefix}{text}\n")
        sys.stderr.flush()
