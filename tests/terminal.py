"""A terminal with somebody at the keyboard: what is typed, what is on the screen, the window's size."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import termios
import time
from types import TracebackType
from typing import Self

DEADLINE = 30.0  # seconds; for whatever is waited for

# A session with this terminal as its controlling one, as an engine gives it to PID 1. Before a program's words.
OWNER = ("setsid", "--ctty")

INTERRUPT = "\x03"  # ^C
SUSPEND = "\x1a"  # ^Z
END_OF_FILE = "\x04"  # ^D

# The sums tell what a program prints from what was typed. ^C throws away what was typed after it and not yet read, so
# wait for the prompt after it.
_PROMPT = "PS1='prompt$((1+1)) '\n"
_JOB = "sh -c 'trap \"echo goes on$((1+1))\" CONT; echo up$((1+1)); while :; do sleep 0.02; done'\n"


class Terminal:
    """A pseudo-terminal; `slave` is the descriptor for the program's stdin, stdout and stderr."""

    def __init__(self, rows: int = 24, columns: int = 80) -> None:
        self._master, self.slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._screen = b""
        self._seen = 0
        self.resize(rows, columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self.slave)
        os.close(self._master)

    @property
    def screen(self) -> str:
        """Everything that was written to the terminal so far, echoed keys too."""
        with contextlib.suppress(BlockingIOError, OSError):
            while more := os.read(self._master, 65536):
                self._screen += more
        return self._screen.decode(errors="backslashreplace")

    def wait_for(self, text: str) -> None:
        """Until text is on the screen, after what was waited for before."""
        end = time.monotonic() + DEADLINE
        while (at := self.screen.find(text, self._seen)) < 0:
            if time.monotonic() > end:
                raise AssertionError(f"no {text!r} within {DEADLINE:g} s; the screen:\n{self.screen}")
            time.sleep(0.01)
        self._seen = at + len(text)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Give the window another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def use_job_control(self) -> None:
        """At a shell of bash: suspend a job, look, bring it back, interrupt it, change the window's size."""
        self.type(_PROMPT)
        self.wait_for("prompt2")
        self.type("stty size\n")
        self.wait_for("24 80")
        self.type(_JOB)
        self.wait_for("up2")
        self.type(SUSPEND)
        self.wait_for("Stopped")
        self.wait_for("prompt2")
        self.type("echo $(jobs | wc -l) jo''b; fg\n")
        self.wait_for("1 job")
        self.wait_for("goes on2")
        self.type(INTERRUPT)
        self.wait_for("prompt2")
        self.type("echo co''de $?; trap 'stty size' WINCH\n")
        self.wait_for("code 130")
        # Before its prompt readline reads the window's size and sets it again, which would undo ours.
        self.wait_for("prompt2")
        self.resize(50, 132)
        self.wait_for("50 132")
        for words in ("no job control", "cannot set terminal process group", "Hangup"):
            assert words not in self.screen, self.screen
