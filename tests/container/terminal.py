"""The user's side of `docker run -it`: a pseudo-terminal to type into and to read from, each with a deadline."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from tests.container import harness


class Terminal:
    """A container's terminal."""

    def __init__(self, container: harness.Container, client: subprocess.Popen[bytes], descriptor: int) -> None:
        self.container = container
        self.seen = b""
        self._client = client
        self._descriptor = descriptor
        self._expected = 0

    def send(self, text: str) -> None:
        """Type."""
        os.write(self._descriptor, text.encode())

    def expect(self, text: str, seconds: float = harness.SECONDS) -> str:
        """Read until a text comes, later than the last one expected; everything from there up to its end."""
        wanted = text.encode()
        end = time.monotonic() + seconds
        while (found := self.seen.find(wanted, self._expected)) < 0:
            left = end - time.monotonic()
            if left < 0 or not self._read(left):
                raise AssertionError(f"{text!r} did not come within {seconds:g} s; seen: {self.seen!r}")
        start, self._expected = self._expected, found + len(wanted)
        return self.seen[start : self._expected].decode(errors="backslashreplace")

    def exit_code(self, seconds: float = harness.SECONDS) -> int:
        """Read until the end; the exit code of the engine's client, which is the container's."""
        end = time.monotonic() + seconds
        while self._read(max(0.0, end - time.monotonic())):
            pass
        try:
            return self._client.wait(timeout=max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the container did not end within {seconds:g} s; seen: {self.seen!r}") from None

    def _read(self, seconds: float) -> bool:
        """Read once; False at the end of the output or of the time."""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:
            return False  # EIO: nobody holds the other side any more
        self.seen += data
        return bool(data)


@contextlib.contextmanager
def start(
    engine: harness.Engine,
    image: str,
    *command: str,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    files: harness.Files | None = None,
) -> Iterator[Terminal]:
    """A container with a terminal, as `docker run -it` gives it."""
    with engine.container(image, *command, options=["-it", *options], env=env, files=files) as container:
        ours, theirs = pty.openpty()
        try:
            client = subprocess.Popen(
                [engine.program, "start", "--attach", "--interactive", container.name],
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        try:
            yield Terminal(container, client, ours)
        finally:
            client.kill()
            client.wait()
            os.close(ours)
