"""A container without an engine: new PID and mount namespaces over this machine's own files.

The image's rootfs lies on top of / in an overlay whose upper layer is a tmpfs, so nothing outside is
written. An ordinary user gets the same in a user namespace.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOTFS = Path(__file__).resolve().parents[2] / "image" / "rootfs"
FOREIGN = os.environ.get("DODAI_TEST_ROOT", "")  # the root of an image for another machine, whose programs are emulated
DEADLINE = 600.0 if FOREIGN else 30.0  # seconds; for whatever is waited for
LOOP = "while :; do sleep 0.02; done"  # a shell that runs its traps soon

_ENTER = """
set -e
mount -t tmpfs dodai "$1"
mkdir "$1/lower" "$1/upper" "$1/work" "$1/root"
cp -R "$2/." "$1/lower"
rm -rf "$1/lower/etc/service" "$1/lower/etc/my_init.d"
mkdir -p "$1/lower/etc/service" "$1/lower/etc/my_init.d"
mount -t overlay -o "lowerdir=$1/lower:$3/,upperdir=$1/upper,workdir=$1/work" dodai "$1/root"
cp -R "$4/." "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs dodai "$1/root/run"
mount -t tmpfs dodai "$1/root/tmp"
root=$1/root
shift 4
exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
"""


@dataclass(frozen=True)
class Result:
    """How a world ended: the exit code of its PID 1 and what it wrote."""

    code: int
    stdout: bytes
    stderr: str


class Container:
    """A running world; `pid` is its PID 1 as seen from here."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process = process
        self.scratch = output
        self.pid = self._find_init()

    def _find_init(self) -> int:
        found: list[str] = []

        def look() -> bool:
            try:
                found[:] = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            except FileNotFoundError:
                found[:] = ["0"]  # it has ended already
            return bool(found)

        until(look, "the namespace's first process")
        return int(found[0])

    def enter(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program in it that is not a descendant of its PID 1, as `docker exec` does."""
        return subprocess.run([*self.entering(), *command], capture_output=True, timeout=DEADLINE, check=False)

    def entering(self) -> list[str]:
        """What to put before a command that is to run in it."""
        return ["nsenter", "--target", str(self.pid), "--pid", "--mount", "--root", "--wd=/", "--"]

    @property
    def out(self) -> bytes:
        """What was written to stdout so far."""
        return (self.scratch / "out").read_bytes()

    @property
    def err(self) -> str:
        """What was written to stderr so far."""
        return (self.scratch / "err").read_text(errors="backslashreplace")

    def wait_for(self, text: bytes) -> None:
        """Until text is in the output."""
        until(lambda: text in self.out, f"{text!r} on stdout", lambda: f"stdout {self.out!r}\nstderr {self.err}")

    @property
    def root(self) -> Path:
        """Its / as seen from here."""
        return Path(f"/proc/{self.pid}/root")

    def policy(self, name: str) -> dict[str, str]:
        """What PID 1 keeps of a service for dodaictl; empty before it does."""
        try:
            text = (self.root / "run/dodai/service" / name / "policy").read_text()
        except FileNotFoundError:
            return {}
        return dict(line.split(" ", 1) for line in text.splitlines())

    def events(self) -> list[dict[str, Any]]:
        """The boot log so far; empty before there is one."""
        try:
            text = (self.root / "run/dodai/events").read_text()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def call(self, *words: str) -> str:
        """Run a command inside, as `docker exec` does; its stdout."""
        enter = ["nsenter", "-t", str(self.pid), "--mount", "--pid", "--root", "--wd", "--", *words]
        done = subprocess.run(enter, capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}\n{self.err}"
        return done.stdout

    def kill(self, number: int) -> None:
        """Send a signal to PID 1."""
        os.kill(self.pid, number)

    def ended(self) -> bool:
        """Whether PID 1 has ended."""
        return self._process.poll() is not None

    def result(self) -> Result:
        """Wait for the end."""
        until(self.ended, "the end of PID 1", lambda: f"stdout {self.out!r}\nstderr {self.err}")
        code = self._process.returncode
        return Result(128 - code if code < 0 else code, self.out, self.err)

    def stop(self, number: int = signal.SIGTERM) -> Result:
        """Ask for the stop, and wait."""
        self.kill(number)
        return self.result()

    def pids(self) -> list[int]:
        """All processes of the namespace but PID 1, as seen from here; without zombies."""
        mine = os.readlink(f"/proc/{self.pid}/ns/pid")
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.pid:
                try:
                    if os.readlink(entry / "ns/pid") == mine:
                        found.append(int(entry.name))
                except OSError:
                    pass  # ended, or a zombie, which has no namespaces any more
        return found

    def states(self) -> list[str]:
        """The state letters of all processes of the namespace but PID 1."""
        mine = os.readlink(f"/proc/{self.pid}/ns/pid")
        letters = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.pid:
                continue
            try:
                if os.readlink(entry / "ns/pid") == mine:
                    letters.append((entry / "stat").read_text().rpartition(")")[2].split()[0])
            except OSError:
                # A zombie has no namespaces any more; it shows as a child of PID 1.
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[0] == "Z" and int(fields[1]) == self.pid:
                    letters.append("Z")
        return letters


class World:
    """Files to put into the container, then its start."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._files = scratch / "files"
        self._files.mkdir()

    def file(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """A file of the container."""
        target = self._files / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)

    def script(self, path: str, body: str) -> None:
        """An executable /bin/sh script."""
        self.file(path, f"#!/bin/sh\n{body}\n", 0o755)

    def service(self, name: str, body: str, **files: str) -> None:
        """A service directory: its run, and other files by name (executable where they begin with #!)."""
        self.script(f"/etc/service/{name}/run", body)
        for other, content in files.items():
            self.file(f"/etc/service/{name}/{other}", content, 0o755 if content.startswith("#!") else 0o644)

    @contextmanager
    def start(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        pid1: bool = True,
        through: Sequence[str] = (),
        stdio: int | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> Iterator[Container]:
        """my_init with these arguments as PID 1 (or, pid1=False, as the child of a shell that is).

        through: a program of the container that becomes my_init, such as setpriv. stdio: a descriptor in place
        of the files behind stdout and stderr.
        """
        command = [*through, "my_init", *arguments]
        if not pid1:
            # The second command keeps the shell from becoming my_init.
            command = ["sh", "-c", f"{shlex.join(command)}; exit $?"]
        variables = [f"{name}={value}" for name, value in (environment or {}).items()]
        mount = self.scratch / "mount"
        mount.mkdir(exist_ok=True)
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        places = [str(mount), str(ROOTFS), _below(), str(self._files)]
        enter = ["sh", "-c", _ENTER, "sh", *places, *variables, *command]
        for name in ("out", "err"):
            (self.scratch / name).write_bytes(b"")
        with (self.scratch / "out").open("ab") as out, (self.scratch / "err").open("ab") as err:
            process = subprocess.Popen(
                ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "--", *enter],
                stdin=stdin,
                stdout=out if stdio is None else stdio,
                stderr=err if stdio is None else stdio,
            )
        init = 0
        try:
            container = Container(process, self.scratch)
            init = container.pid
            yield container
        finally:
            if init and process.poll() is None:
                # Of an emulated PID 1 --kill-child knows nothing: the exec of the emulator has cleared its parent-death signal.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(init, signal.SIGKILL)
            process.kill()  # --kill-child takes PID 1 along, and that the rest
            process.wait()

    def run(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        pid1: bool = True,
        through: Sequence[str] = (),
    ) -> Result:
        """Start it and wait for its end."""
        with self.start(*arguments, environment=environment, pid1=pid1, through=through) as container:
            return container.result()


def until(condition: Callable[[], object], what: str, more: Callable[[], str] = str) -> None:
    """Poll with a deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"no {what} within {DEADLINE:g} s; {more()}")
        time.sleep(0.005)


def _below() -> str:
    """The layers below, without the last slash: this machine's /, or the root of another's image."""
    if FOREIGN:
        return FOREIGN
    if Path("/usr/bin/runsv").exists():
        return ""
    layer = Path(tempfile.gettempdir()) / f"dodai-runit-{os.geteuid()}"
    if not (layer / "root/usr/bin/runsv").exists():
        layer.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(["apt-get", "-q", "download", "runit"], cwd=layer, check=True, stdout=subprocess.DEVNULL)
        package = next(layer.glob("runit_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, layer / "root"], check=True)
    return f"{layer}/root:"
