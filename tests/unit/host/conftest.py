"""A machine of the test's own: a PATH with a stand-in for the engine, a home, and the command as a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FAKE = Path(__file__).with_name("engines") / "fake"

Done = subprocess.CompletedProcess[str]


class Machine:
    """A directory with bin/, home/ and the stand-in's state, and the environment that goes with it."""

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "bin"
        self.home = directory / "home"
        self.state = directory / "engine"
        for made in (self.bin, self.home, self.state):
            made.mkdir()
        self.environment = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONWARNINGS": "error",
            "DODAI_FAKE_STATE": str(self.state),
        }

    def install(self, name: str) -> None:
        """Put the stand-in on PATH as docker or podman."""
        (self.bin / name).symlink_to(FAKE)

    def script(self, name: str, text: str) -> Path:
        """Put a program of one's own on PATH."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def image(self, reference: str) -> None:
        """Let the stand-in have an image."""
        with (self.state / "images").open("a") as file:
            file.write(f"{reference}\n")

    def container(self, name: str, identity: str, status: str = "running") -> None:
        """Let the stand-in have a container."""
        with (self.state / "containers").open("a") as file:
            file.write(f"{identity} {name} {status}\n")

    def calls(self) -> list[list[str]]:
        """What the stand-in was asked, in order, without the question whether it answers."""
        log = self.state / "log"
        if not log.exists():
            return []
        calls = [line.split("\0") for line in log.read_text().split("\0\n") if line]
        return [call for call in calls if call[0] != "version"]

    def python(self, module: str, *words: str, **options: object) -> Done:
        """Run `python -m MODULE` here; options are subprocess.run's."""
        settings: dict[str, object] = {"stdin": subprocess.DEVNULL} if "input" not in options else {}
        settings |= {"env": self.environment, "capture_output": True, "text": True, "timeout": 30, **options}
        return subprocess.run([sys.executable, "-m", module, *words], check=False, **settings)  # type: ignore[call-overload,no-any-return]

    def dodai(self, *words: str, **options: object) -> Done:
        """Run `dodai` here."""
        return self.python("dodai", *words, **options)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without any engine."""
    return Machine(tmp_path)


@pytest.fixture
def here(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The same, and this process runs there."""
    for name in list(os.environ):
        if name.startswith(("DODAI", "DOCKER")):
            monkeypatch.delenv(name)
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    # Without the machine's own sbin directories, which may hold engines too.
    monkeypatch.setenv("PATH", str(machine.bin))
    return machine


@pytest.fixture
def one_line() -> Callable[[Done], str]:
    """Checks that a failure is one line and at most one of remedy, and no traceback; gives the first."""

    def check(done: Done) -> str:
        lines = done.stderr.splitlines()
        assert 1 <= len(lines) <= 2, done.stderr
        assert lines[0].startswith("dodai: ")
        assert len(lines) == 1 or lines[1].startswith("dodai: remedy: ")
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        return lines[0]

    return check
