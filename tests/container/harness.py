"""Containers for tests: each has a unique name and this run's label, a deadline on every wait, and is gone at the end.

A failure shows the container's log and its processes. Images come from the environment (`make test` sets it, see
scripts/test.py) or are the ones that `dodai build` names. Podman gets Docker's images.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

DOCKER = "docker"
PODMAN = "podman"
RUN = secrets.token_hex(4)  # tells this run from another at the same time
LABEL = f"dodai.test={RUN}"
REPOSITORY = f"dodai-test-{RUN}"
SECONDS = 30.0  # the deadline of whatever is not given another
BUILD_SECONDS = 300.0
POLL = 0.1  # each look is a program of the engine; more of them would slow down what is looked at
LOG_BYTES = 6000  # of a log, in a failure's message

# As in scripts/test.py: crun refuses hybrid cgroups, and an unprivileged outer container cannot grant more.
CONTAINERS_CONF = '[containers]\ndefault_ulimits=["nofile=20000:20000","nproc=32768:32768"]\n[engine]\nruntime="runc"\n'

T = TypeVar("T")

LIVE: list[Container] = []


@dataclasses.dataclass(frozen=True)
class Result:
    """How a program ended and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        """stdout as text."""
        return self.stdout.decode(errors="backslashreplace")

    @property
    def err(self) -> str:
        """stderr as text."""
        return self.stderr.decode(errors="backslashreplace")

    @property
    def log(self) -> str:
        """Both, stdout first."""
        return self.out + self.err


@dataclasses.dataclass(frozen=True)
class File:
    """A file for a container, where its text alone does not say enough."""

    content: str | bytes = b""
    mode: int | None = None
    link: str = ""
    uid: int = 0
    gid: int = 0


Files = Mapping[str, str | bytes | File]


def script(body: str) -> str:
    """An executable of /bin/sh."""
    return f"#!/bin/sh\n{body}\n"


def archive(files: Files) -> bytes:
    """A tar of files by absolute path; what begins with #! is executable, what has a `link` is a symbolic link."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, given in files.items():
            file = given if isinstance(given, File) else File(given)
            data = file.content.encode() if isinstance(file.content, str) else file.content
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode = file.mode if file.mode is not None else 0o755 if data.startswith(b"#!") else 0o644
            entry.uid, entry.gid, entry.mtime = file.uid, file.gid, int(time.time())
            if file.link:
                entry.type, entry.linkname, data = tarfile.SYMTYPE, file.link, b""
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def until(condition: Callable[[], T], what: str, seconds: float = SECONDS, more: Callable[[], str] = str) -> T:
    """Poll until condition() is true, and return it; past the deadline fail, with what more() tells."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"no {what} within {seconds:g} s\n{more()}")
        time.sleep(POLL)
    return found


class Engine:
    """An engine's command line. `run` is a container from start to end, `start` one to look at while it runs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        program = shutil.which(kind)
        assert program, f"{kind} is not installed; remedy: make test (installs and starts what the tests need)"
        self.program = program
        self._options: tuple[str, ...] = ()
        self._derived: dict[str, str] = {}
        self._brought: list[str] = []

    def __repr__(self) -> str:
        return self.kind

    def alone(self) -> Self:
        """The same engine with containers without a network, which is a quarter of a container's start."""
        other = copy.copy(self)
        other._options = ("--network=none",)
        return other

    def call(self, *words: str, check: bool = True, seconds: float = SECONDS, input: bytes | None = None, **env: str) -> Result:
        """One of the engine's commands, to its end."""
        try:
            done = subprocess.run(
                [self.program, *words],
                input=input,
                stdin=subprocess.DEVNULL if input is None else None,
                capture_output=True,
                timeout=seconds,
                env=os.environ | podman_settings() | env,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise AssertionError(
                f"{self.kind} {' '.join(words)}: no end within {seconds:g} s\n{late.stdout!r}\n{late.stderr!r}"
            ) from None
        result = Result(done.returncode, done.stdout, done.stderr)
        assert not check or result.code == 0, (
            f"{self.kind} {' '.join(words)}: exit code {result.code}\n{result.log[-LOG_BYTES:]}"
        )
        return result

    def container(
        self,
        image: str,
        *command: str,
        options: Sequence[str] = (),
        env: Mapping[str, str | bytes] | None = None,
        files: Files | None = None,
    ) -> Container:
        """A container that is created, with these files in it, and not started. Use it with `with`."""
        self.ensure(image)
        name = f"dodai-test-{RUN}-{secrets.token_hex(4)}"
        variables = [
            f"--env={key}={value if isinstance(value, str) else os.fsdecode(value)}" for key, value in (env or {}).items()
        ]
        words = ["create", "--pull=never", "--name", name, "--label", LABEL, *variables, *self._options, *options]
        container = Container(self, name)
        try:
            self.call(*words, image, *command)
            if files:
                container.put(files)
        except BaseException:
            container.remove()
            raise
        return container

    def run(
        self,
        image: str,
        *command: str,
        options: Sequence[str] = (),
        env: Mapping[str, str | bytes] | None = None,
        files: Files | None = None,
        input: bytes | None = None,
        seconds: float = SECONDS,
    ) -> Result:
        """A container from start to end: its exit code and what it wrote."""
        options = [*options, "--interactive"] if input is not None else options
        with self.container(image, *command, options=options, env=env, files=files) as container:
            words = ["start", "--attach", *(["--interactive"] if input is not None else []), container.name]
            return self.call(*words, check=False, input=input, seconds=seconds)

    @contextlib.contextmanager
    def start(
        self,
        image: str,
        *command: str,
        options: Sequence[str] = (),
        env: Mapping[str, str | bytes] | None = None,
        files: Files | None = None,
    ) -> Iterator[Container]:
        """A running container, which is removed at the end of the `with`."""
        with self.container(image, *command, options=options, env=env, files=files) as container:
            container.start()
            yield container

    def derived(self, source: Path | str, base: str, files: Files | None = None, seconds: float = BUILD_SECONDS) -> str:
        """Build a directory with a Dockerfile, or a Dockerfile's text with files in its context, on base (ARG BASE).

        Built once a run; removed at the end of the run. Docker builds for both engines.
        """
        if isinstance(source, Path):
            files = {
                str(path.relative_to(source)): File(path.read_bytes(), path.stat().st_mode & 0o777)
                for path in sorted(source.rglob("*"))
                if path.is_file()
            } | dict(files or {})
        else:
            text = source if source.lstrip().startswith(("ARG", "FROM")) else f"ARG BASE\nFROM $BASE\n{source}\n"
            files = {"Dockerfile": text} | dict(files or {})
        key = hashlib.sha256(repr((base, sorted(files.items()))).encode()).hexdigest()[:12]
        if key not in self._derived:
            tag = f"{REPOSITORY}:{key}"
            words = ["build", "--force-rm", "--build-arg", f"BASE={base}", "--label", LABEL, "--tag", tag, "-"]
            # Docker's client from 20.10 to 28 builds so without a plug-in.
            done = self.call(*words, check=False, input=archive(files), seconds=seconds, DOCKER_BUILDKIT="0")
            if done.code:
                steps = re.findall(r"^ ---> ([0-9a-f]{12})$", done.out, re.MULTILINE)
                if len(steps) > 1:
                    self.call("image", "rm", steps[-1], check=False)
                raise AssertionError(f"cannot build the derived image\n{done.log[-LOG_BYTES:]}")
            self._derived[key] = tag
        return self._derived[key]

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """What the engine tells of an "image" or "container"."""
        found: list[dict[str, Any]] = json.loads(self.call(kind, "inspect", name).stdout)
        return found[0]

    def image_id(self, name: str) -> str:
        """The image's ID without its "sha256:"; empty when there is none of that name."""
        done = self.call("image", "inspect", "--format", "{{.Id}}", name, check=False)
        return done.out.strip().removeprefix("sha256:") if done.code == 0 else ""

    @functools.cache  # noqa: B019  (an engine lives as long as the run)
    def ensure(self, image: str) -> None:
        """Let the engine have the image: Podman gets Docker's."""
        mine = self.image_id(image)
        if self.kind == DOCKER:
            assert mine, f'docker has no image "{image}"; remedy: bin/dodai build, or make test'
            return
        docker = Engine(DOCKER)
        theirs = docker.image_id(image)
        assert theirs, f'docker has no image "{image}" to give to {self.kind}; remedy: bin/dodai build, or make test'
        if mine == theirs:
            return
        with tempfile.TemporaryDirectory(prefix="dodai-test-") as directory:
            saved = f"{directory}/image.tar"
            docker.call("save", "--output", saved, image, seconds=120)
            self.call("load", "--input", saved, seconds=120)
        self._brought.append(image)

    def clean(self) -> None:
        """Remove everything of this run, also what a failure has left."""
        listed = self.call("ps", "--all", "--quiet", "--filter", f"label={LABEL}", check=False).out.split()
        if listed:
            self.call("rm", "--force", "--volumes", *listed, check=False)
        images = self.call("image", "ls", "--quiet", "--filter", f"label={LABEL}", check=False).out.split()
        for image in [*self._brought, *dict.fromkeys(images)]:
            self.call("image", "rm", "--force", image, check=False)


class Container:
    """A container; leaving its `with` removes it."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    def __enter__(self) -> Self:
        LIVE.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if isinstance(problem, Exception):
                problem.add_note(self.report())
        finally:
            LIVE.remove(self)
            self.remove()

    def remove(self) -> None:
        """Kill and remove it."""
        # Podman waits for a stop before it removes by force.
        patience = ["--time", "0"] if self.engine.kind == PODMAN else []
        self.engine.call("rm", "--force", "--volumes", *patience, self.name, check=False, seconds=60)

    def report(self) -> str:
        """The log's end and the processes, for a failure's message."""
        tree = self.engine.call("top", self.name, check=False)
        state = self.engine.call("container", "inspect", "--format", "{{json .State}}", self.name, check=False).out
        log = self.engine.call("logs", self.name, check=False)
        written = f"--- stdout\n{log.out[-LOG_BYTES:]}\n--- stderr\n{log.err[-LOG_BYTES:]}"
        return f"--- {self.name}: {state}--- processes\n{tree.log}{written}"

    def start(self) -> None:
        """Start it (again)."""
        self.engine.call("start", self.name)

    def put(self, files: Files) -> None:
        """Put files into it."""
        self.engine.call("cp", "-", f"{self.name}:/", input=archive(files))

    def exec(
        self,
        *command: str,
        user: str = "",
        env: Mapping[str, str] | None = None,
        input: bytes | None = None,
        check: bool = True,
        seconds: float = SECONDS,
        options: Sequence[str] = (),
    ) -> Result:
        """Run a program in it; unless check=False it must succeed."""
        words = [f"--user={user}"] if user else []
        words += [f"--env={name}={value}" for name, value in (env or {}).items()]
        words += ["--interactive"] if input is not None else []
        return self.engine.call("exec", *words, *options, self.name, *command, check=check, input=input, seconds=seconds)

    def sh(self, text: str, check: bool = True, seconds: float = SECONDS) -> str:
        """What a line of shell prints in it, without the last newline."""
        return self.exec("sh", "-c", text, check=check, seconds=seconds).out.rstrip("\n")

    def spawn(self, *command: str) -> None:
        """Start a program in it and leave it alone."""
        self.engine.call("exec", "--detach", self.name, *command)

    def logs(self) -> Result:
        """What it wrote so far; the code is that of the engine's command."""
        return self.engine.call("logs", self.name)

    def wait_for(self, what: str | bytes | Callable[[], T], seconds: float = SECONDS) -> T | str:
        """Until a text is in its log, or a condition is true (which is returned)."""
        if isinstance(what, bytes):
            what = what.decode()
        if isinstance(what, str):
            text = what
            return until(lambda: text if text in self.logs().log else "", f"{text!r} in the log", seconds, self.report)
        return until(what, "such state", seconds, self.report)

    def running(self) -> bool:
        """Whether it runs."""
        return self.engine.call("container", "inspect", "--format", "{{.State.Running}}", self.name).out.strip() == "true"

    def exit_code(self, seconds: float = SECONDS) -> int:
        """Wait for its end; return its exit code."""
        return int(self.engine.call("wait", self.name, seconds=seconds).out)

    def signal(self, name: str) -> None:
        """Send PID 1 a signal (TERM, HUP, …)."""
        self.engine.call("kill", "--signal", name, self.name)

    def stop(self, timeout: int = 10) -> int:
        """The engine's stop: TERM, and KILL after timeout seconds. Returns the exit code (137 when it was killed)."""
        self.engine.call("stop", "--time", str(timeout), self.name, seconds=timeout + SECONDS)
        return self.exit_code()

    def restart(self, timeout: int = 10) -> None:
        """The engine's restart."""
        self.engine.call("restart", "--time", str(timeout), self.name, seconds=timeout + SECONDS)

    def read(self, path: str) -> bytes:
        """A file's bytes, also when the container does not run."""
        packed = self.engine.call("cp", f"{self.name}:{path}", "-").stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            member = tar.next()
            file = tar.extractfile(member) if member else None
            assert file is not None, f"{path} is not a file"
            return file.read()


@functools.cache
def podman_settings() -> dict[str, str]:
    """Podman's settings, unless the caller has their own."""
    # The images have a health check; where no systemd runs, podman would complain on the stderr of each container.
    quiet = {"DISABLE_HC_SYSTEMD": "true"}
    if "CONTAINERS_CONF" in os.environ:
        return quiet
    path = Path(tempfile.gettempdir()) / f"dodai-test-{os.geteuid()}-containers.conf"
    path.write_text(CONTAINERS_CONF, encoding="ascii")
    return quiet | {"CONTAINERS_CONF": str(path)}
