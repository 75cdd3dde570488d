"""A container of one peer, started by native/container.c; the bench's door to subprocess, since it has to be spoken with.

Times are seconds of CLOCK_MONOTONIC, taken inside: by the init's process just before its exec, by a service in its first
statement, by native/container.c when the init is gone. So it does not matter how long this program takes to read them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from bench import layouts, peers
from dodai import errors

WORLD = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
DEADLINE = 60.0  # seconds, for whatever is waited for
SERVICE_COMM = "bench-service"


@dataclasses.dataclass(frozen=True, slots=True)
class Kit:
    """Where the compiled helpers and the unpacked images are."""

    helpers: Path
    roots: dict[str, Path]


class Reader:
    """A native/log.c at the other end of a service's lines."""

    def __init__(self, kit: Kit, path: Path, lines: layouts.Lines) -> None:
        self._child = subprocess.Popen(
            [kit.helpers / "bench-log", lines.wanted, path, str(lines.count)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )

    def wait(self, word: str, timeout: float = DEADLINE) -> list[int]:
        """The numbers that it says with that word, which is the next it has to say. Raises Failed."""
        assert self._child.stdout is not None
        # The rest of a line follows its beginning at once.
        if not select.select([self._child.stdout], [], [], timeout)[0]:
            raise Failed(f'the reader of lines: no "{word}" within {timeout:g} s')
        words = self._child.stdout.readline().split()
        if words[:1] != [word.encode()]:
            raise Failed(f'the reader of lines ended while "{word}" was waited for')
        return [int(number) for number in words[1:]]

    def close(self) -> None:
        """End it."""
        self._child.kill()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


class Failed(errors.DodaiError):
    """A peer did not do what is measured; the run goes on without this value."""


class Container:
    """A running container. `pid` is its PID 1 as seen from here, `started` when its exec began.

    `reader` is at the other end of the lines of its services, where those are what is measured.
    """

    def __init__(self, name: str, child: subprocess.Popen[bytes], work: Path) -> None:
        self.name = name
        self.reader: Reader | None = None
        self._child = child
        self._work = work
        self._events: list[list[str]] = []
        self._buffer = b""
        self._selector = selectors.DefaultSelector()
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        self._selector.register(child.stdout, selectors.EVENT_READ)
        words = self.wait("started")
        self.started = _seconds(words[1])
        self.pid = int(words[2])

    def wait_up(self, count: int) -> list[float]:
        """When each of `count` services wrote its first line, in order of time."""
        return sorted(_seconds(self.wait("up")[2]) for _ in range(count))

    def wait(self, word: str, timeout: float = DEADLINE) -> list[str]:
        """The next event of that name; earlier ones of other names are kept. Raises Failed."""
        deadline = time.monotonic() + timeout
        while True:
            for index, event in enumerate(self._events):
                if event[0] == word:
                    return self._events.pop(index)
                if event[0] == "failed":
                    raise Failed(f"cannot start {self.name}: {' '.join(event[1:])}")
            if any(event[0] == "exited" for event in self._events):
                raise Failed(f'{self.name} ended while "{word}" was waited for: {self.output()}')
            if not self._selector.select(max(deadline - time.monotonic(), 0.0)):
                raise Failed(f'{self.name}: no "{word}" within {timeout:g} s: {self.output()}')
            self._read()

    def count(self, word: str) -> int:
        """How many events of that name came and were not waited for."""
        return sum(event[0] == word for event in self._events)

    def kill(self, number: int, pid: int | None = None) -> float:
        """Send a signal to PID 1, or to a process as seen from here; when that was."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"kill {number} {pid or ''}\n".encode())
        self._child.stdin.flush()
        return _seconds(self.wait("killed")[1])

    def wait_exit(self, timeout: float = DEADLINE) -> tuple[float, int]:
        """When PID 1 was gone with all its namespace, and its exit code."""
        words = self.wait("exited", timeout)
        return _seconds(words[1]), int(words[2])

    def output(self) -> str:
        """The last line that the init wrote."""
        if not (self._work / "output").is_file():
            return "its output went to the reader of lines"
        with contextlib.suppress(OSError):
            lines = (self._work / "output").read_text(errors="backslashreplace").splitlines()
            return lines[-1] if lines else "it said nothing"
        return "it said nothing"

    def close(self) -> None:
        """Kill what is left."""
        self._selector.close()
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._child.wait()

    def _read(self) -> None:
        assert self._child.stdout is not None
        block = os.read(self._child.stdout.fileno(), 1 << 16)
        if not block:
            self._events.append(["failed", "its starter is gone"])
            return
        *lines, self._buffer = (self._buffer + block).split(b"\n")
        self._events += [line.decode("ascii", "replace").split() for line in lines if line]


@contextlib.contextmanager
def start(
    kit: Kit,
    peer: peers.Peer,
    services: Sequence[str],
    *,
    more: Mapping[str, str] = MappingProxyType({}),
    command: Sequence[str] = (),
    orphans: int = 0,
    lines: layouts.Lines | None = None,
) -> Iterator[Container]:
    """Start a fresh container with these services, or with a one-shot `command` beside them; nothing of it is left behind.

    `more` has further files of the services (NAME/FILE: text); `orphans` is how many a service makes when it gets USR1.
    With `lines` the services write those instead, and the container has a reader for them.
    """
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dodai-bench-")))
        inside, top = work / "bench", work / "top"
        inside.mkdir()
        os.mkfifo(inside / "report", 0o666)
        os.link(kit.helpers / "bench-service", inside / "bench-service")
        (inside / "orphans").write_text(f"{orphans}\n", encoding="ascii")
        top.mkdir()
        arguments = layouts.write(peer, services, top, more, lines)
        if command:
            arguments = [*peer.one_shot, *command]
        reader = None
        if lines and peer.log in peers.STREAMS:
            # As an engine has it: the output is a pipe with somebody behind it, before anything runs.
            os.mkfifo(work / "output")
            reader = stack.enter_context(contextlib.closing(Reader(kit, work / "output", lines)))
        child = subprocess.Popen(
            [kit.helpers / "bench-container", kit.roots[peer.name], top, work, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=WORLD | (layouts.environment(peer) if lines else {}),
            start_new_session=True,
        )
        container: Container | None = None
        try:
            container = Container(peer.name, child, work)
            if lines and reader is None:
                file = Path(f"/proc/{container.pid}/root{layouts.LOG_FILES[peer.log]}")
                reader = stack.enter_context(contextlib.closing(Reader(kit, file, lines)))
            container.reader = reader
            yield container
        finally:
            if container is not None:
                container.close()
            else:
                child.kill()
                child.wait()


def _seconds(nanoseconds: str) -> float:
    return int(nanoseconds) / 1e9
