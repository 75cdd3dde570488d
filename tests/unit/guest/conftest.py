"""The guest's programs as real processes, on the machine that runs the tests.

Each runs the way its launcher runs it, with the guest package from a place every user can read and,
where a test needs it, with other paths than the image's.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.guest.state_directory import State

ROOTFS = Path(__file__).resolve().parents[3] / "image" / "rootfs"
PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin") or "python3"

_LAUNCH = """
import sys
sys.path.insert(0, sys.argv.pop(1))
program, changes = sys.argv.pop(1), sys.argv.pop(1)
from guest.floor import paths
for change in changes.splitlines():
    name, _, value = change.partition("=")
    getattr(paths, name)
    setattr(paths, name, value.encode())
module = getattr(__import__("guest.programs." + program).programs, program)
sys.exit(module.main(sys.argv))
"""

Done = subprocess.CompletedProcess[bytes]


class Tools:
    """Runs a program of guest.programs, or gives the command that does."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.paths: dict[str, Path | str] = {}

    def command(self, program: str, *arguments: str | bytes) -> list[str | bytes]:
        """The argument vector of the program; -B, so that no test leaves bytecode behind."""
        changes = "\n".join(f"{name}={value}" for name, value in self.paths.items())
        return [PYTHON, "-ISB", "-c", _LAUNCH, str(self.library), program, changes, *arguments]

    def run(self, program: str, *arguments: str | bytes, **options: Any) -> Done:
        """Run it to its end, with its output captured; options are subprocess.run's."""
        options = {"stdin": subprocess.DEVNULL, **options} if "input" not in options else options
        return subprocess.run(
            self.command(program, *arguments), **{"capture_output": True, "timeout": 30, **options}, check=False
        )


@pytest.fixture(scope="session")
def guest_library() -> Iterator[Path]:
    """A copy of the guest package that other users can read too, wherever the checkout is."""
    with tempfile.TemporaryDirectory(prefix="dodai-guest-") as name:
        library = Path(name)
        shutil.copytree(ROOTFS / "usr/lib/dodai/guest", library / "guest", ignore=shutil.ignore_patterns("__pycache__"))
        for directory, _, files in os.walk(library):
            Path(directory).chmod(0o755)
            for file in files:
                (Path(directory) / file).chmod(0o644)
        yield library


@pytest.fixture
def tools(guest_library: Path) -> Tools:
    """The programs, with paths of their own for this test."""
    return Tools(guest_library)


@pytest.fixture
def rootfs() -> Path:
    """The tree that mirrors / in the image."""
    return ROOTFS


@pytest.fixture
def state(tools: Tools, tmp_path: Path) -> Iterator[State]:
    """A state directory that the programs find."""
    tools.paths = {
        "RUN_STATE": tmp_path / "run",
        "TMP_STATE": f"{tmp_path}/tmp-%d",
        "ENVIRONMENT_DIRECTORY": tmp_path / "no",
        "SERVICES": tmp_path / "services",
    }
    made = State(tmp_path / "run")
    yield made
    made.close()


@pytest.fixture
def dodaictl(tools: Tools) -> Callable[..., Done]:
    """Runs dodaictl with these arguments."""

    def run(*arguments: str, **options: Any) -> Done:
        return tools.run("dodaictl", *arguments, **options)

    return run


@pytest.fixture
def the_line() -> Callable[[Done, int], str]:
    """Checks that it ended with this code and said one line on stderr and nothing else; gives the line."""

    def check(done: Done, code: int) -> str:
        assert (done.returncode, done.stdout) == (code, b""), done
        assert done.stderr.startswith(b"dodaictl: ")
        assert done.stderr.count(b"\n") == 1
        return done.stderr.decode()

    return check
