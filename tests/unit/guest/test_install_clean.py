"""A4: install_clean hands its arguments to apt-get untouched, keeps its exit code and cleans up what it brought.

apt-get and apt-config are small programs of the test here, which write down how they were called;
the real ones are met in tests/container.
"""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

APT_GET = r"""#!/bin/sh
printf '%s' "$DEBIAN_FRONTEND" >>"$LOG"
for argument; do printf '|%s' "$argument" >>"$LOG"; done
echo >>"$LOG"
case $1 in
update) touch "$LISTS/made by update"; exit "${UPDATE:-0}" ;;
install) touch "$ARCHIVES/made by install"; echo "apt's own words" >&2; exit "${INSTALL:-0}" ;;
clean) rm -f "$ARCHIVES"/*; exit "${CLEAN:-0}" ;;
esac
"""
APT_CONFIG = r"""#!/bin/sh
echo "$2='$LISTS/'"
"""


class Apt:
    """A directory with the two programs, the lists and the downloads."""

    def __init__(self, top: Path, program: Path) -> None:
        self.lists, self.archives, self.log, self.program = top / "lists", top / "archives", top / "log", program
        for directory in (self.lists, self.archives, top / "bin"):
            directory.mkdir()
        for name, text in (("apt-get", APT_GET), ("apt-config", APT_CONFIG)):
            (top / "bin" / name).write_text(text)
            (top / "bin" / name).chmod(0o755)
        self.environment = {
            "PATH": f"{top / 'bin'}:/usr/bin:/bin",
            "LOG": str(self.log),
            "LISTS": str(self.lists),
            "ARCHIVES": str(self.archives),
        }

    def run(self, *arguments: str, **environment: str) -> Any:
        return subprocess.run(
            [self.program, *arguments],
            env={**self.environment, **environment},
            capture_output=True,
            timeout=30,
            check=False,
        )

    def calls(self) -> list[list[str]]:
        return [line.split("|") for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def left(self) -> list[str]:
        return os.listdir(self.lists) + os.listdir(self.archives)


@pytest.fixture
def apt(tmp_path: Path, rootfs: Path) -> Apt:
    return Apt(tmp_path, rootfs / "usr/sbin/install_clean")


def test_update_install_clean_in_this_order_without_questions(apt: Apt) -> None:
    done = apt.run("curl", "less")
    assert (done.returncode, done.stderr) == (0, b"apt's own words\n")
    update, install, clean = apt.calls()
    assert update[:2] == ["noninteractive", "update"]
    assert install == ["noninteractive", "install", "-y", "--no-install-recommends", "curl", "less"]
    assert clean == ["noninteractive", "clean"]
    assert apt.left() == []


def test_a_source_that_cannot_be_fetched_is_an_error_of_update(apt: Apt) -> None:
    apt.run("curl")
    assert "APT::Update::Error-Mode=any" in apt.calls()[0]


@pytest.mark.parametrize(
    "arguments", [["name=1.2*"], ["--install-recommends", "mc"], ["-t", "bookworm-backports", "a/b"], ["a b", "$HOME", "*"]]
)
def test_arguments_reach_apt_untouched(apt: Apt, arguments: list[str]) -> None:
    apt.run(*arguments)
    assert apt.calls()[1][4:] == arguments


@pytest.mark.parametrize(("variable", "step", "calls"), [("UPDATE", "update", 2), ("INSTALL", "install curl", 3)])
def test_a_failure_is_loud_keeps_the_code_and_cleans_up(apt: Apt, variable: str, step: str, calls: int) -> None:
    done = apt.run("curl", **{variable: "100"})
    assert done.returncode == 100
    assert done.stderr.decode().splitlines()[-1] == (
        f"install_clean: 'apt-get {step}' failed with exit code 100; the reason is above"
    )
    assert len(apt.calls()) == calls
    assert apt.left() == []


def test_what_cannot_be_cleaned_up_is_said(apt: Apt) -> None:
    done = apt.run("curl", CLEAN="100")
    assert done.returncode == 1
    assert b"cannot remove the package lists" in done.stderr
    assert apt.run("curl", CLEAN="1", INSTALL="100").returncode == 100


@pytest.mark.parametrize("arguments", [[], [""]])
def test_no_package_is_wrong_usage(apt: Apt, arguments: list[str]) -> None:
    done = apt.run(*arguments)
    assert (done.returncode, done.stdout, apt.calls()) == (2, b"", [])
    assert done.stderr.startswith(b"install_clean: usage: ")


def test_help(apt: Apt) -> None:
    done = apt.run("--help")
    assert (done.returncode, done.stderr, apt.calls()) == (0, b"", [])
    assert b"--install-recommends" in done.stdout
