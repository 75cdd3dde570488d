"""F2, bad input: a checkout makes what it needs at the first call and only compares a checksum after; a wheel holds the image.

The whole of it from a bare Debian needs a network and root, so it is not here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from dodai import paths
from tests.unit.host.conftest import ROOT, Machine

FILES = (
    "pyproject.toml",
    "requirements/pins.txt",
    "requirements/run.txt",
    "requirements/dev.txt",
    "scripts/bootstrap",
    "bin/dodai",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy without .venv."""
    copy = tmp_path / "check out"
    for name in FILES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture
def python(machine: Machine) -> Machine:
    """A python3 that makes a .venv of stand-ins and counts how often pip was asked."""
    python = machine.bin / "python3"
    python.write_text(
        f"""#!/bin/sh
case "$*" in
*'-m venv'*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
*'-m pip'*)
    echo "$*" >>{machine.state}/pip
    sleep "${{SLOW:-0}}"
    [ ! -e {machine.state}/offline ] || {{ echo 'ERROR: Could not find a version' >&2; exit 1; }}
    printf '#!/bin/sh\\necho "dodai $*"\\n' >"${{0%/*}}/dodai"; chmod +x "${{0%/*}}/dodai" ;;
esac
"""
    )
    python.chmod(0o755)
    return machine


def call(machine: Machine, checkout: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / words[0], *words[1:]],
        env=machine.environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_first_call_makes_what_the_second_finds(python: Machine, checkout: Path) -> None:
    first = call(python, checkout, "bin/dodai", "run", "a  b")
    assert (first.returncode, first.stdout) == (0, "dodai run a  b\n"), first.stderr
    assert "making .venv" in first.stderr
    asked = (python.state / "pip").read_text()
    second = call(python, checkout, "bin/dodai", "x")
    assert (second.returncode, second.stdout, second.stderr) == (0, "dodai x\n", "")
    assert (python.state / "pip").read_text() == asked


def test_second_call_costs_little(python: Machine, checkout: Path) -> None:
    call(python, checkout, "bin/dodai")
    best = 1.0
    for _ in range(5):
        started = time.monotonic()
        call(python, checkout, "bin/dodai")
        best = min(best, time.monotonic() - started)
    assert best < 0.3


def test_changed_pins_are_noticed(python: Machine, checkout: Path) -> None:
    call(python, checkout, "scripts/bootstrap", "run")
    asked = len((python.state / "pip").read_text().splitlines())
    with (checkout / "requirements/pins.txt").open("a") as file:
        file.write("# newer\n")
    assert call(python, checkout, "scripts/bootstrap", "run").returncode == 0
    assert len((python.state / "pip").read_text().splitlines()) == 2 * asked


def test_two_at_once_make_it_once(python: Machine, checkout: Path) -> None:
    environment = python.environment | {"SLOW": "0.3"}
    calls = [subprocess.Popen([checkout / "bin/dodai"], env=environment, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [child.wait(60) for child in calls] == [0, 0, 0]
    assert len((python.state / "pip").read_text().splitlines()) == 2


def test_what_cannot_be_fetched_is_told_and_tried_again(python: Machine, checkout: Path) -> None:
    (python.state / "offline").touch()
    failed = call(python, checkout, "bin/dodai")
    assert failed.returncode == 125
    assert "dodai: cannot install Python packages: ERROR: Could not find a version" in failed.stderr
    assert failed.stderr.splitlines()[-1].startswith("dodai: remedy: ")
    (python.state / "offline").unlink()
    assert call(python, checkout, "bin/dodai").returncode == 0


def test_without_python_a_plain_user_is_told_the_line(machine: Machine, checkout: Path) -> None:
    for name in ("dirname", "readlink", "cat", "sha256sum", "mkdir", "flock", "mktemp", "rm"):
        (machine.bin / name).symlink_to(str(shutil.which(name)))
    machine.script("id", "echo 1000")
    # A python3 that is too old, in front of any other.
    machine.script("python3", "exit 1")
    script = (checkout / "scripts/bootstrap").read_text().replace("/usr/bin/python3", "/nowhere/python3")
    (checkout / "scripts/bootstrap").write_text(script)
    done = call(machine, checkout, "bin/dodai", PATH=f"{machine.bin}")
    assert done.returncode == 125
    packages = "python3 python3-venv ca-certificates"
    assert done.stderr.splitlines() == [
        "dodai: cannot start: Python 3.11 with venv is not installed",
        f"dodai: remedy: as root: apt-get update && apt-get install -y --no-install-recommends {packages}",
    ]


def test_wheel_holds_the_image_with_links_and_modes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path / "dist"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    script = "from dodai import paths; print(paths.image_dir())"
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd="/", env=environment, text=True, check=True, capture_output=True, timeout=60
        )
    found = Path(done.stdout.strip())
    assert found.parent == tmp_path / "cache" / "dodai"
    here = paths.image_dir()
    tree = {path.relative_to(here) for path in here.rglob("*") if "__pycache__" not in path.parts}
    assert {path.relative_to(found) for path in found.rglob("*")} == tree
    for name in tree:
        assert (found / name).is_symlink() == (here / name).is_symlink()
        if (here / name).is_symlink():
            assert (found / name).readlink() == (here / name).readlink()
        elif (here / name).is_file():
            assert (found / name).read_bytes() == (here / name).read_bytes()
            assert (found / name).stat().st_mode & 0o100 == (here / name).stat().st_mode & 0o100
    assert tarfile.is_tarfile(tmp_path / "site" / "dodai" / "_image.tar")
