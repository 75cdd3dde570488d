"""Issue 5, every architecture: what runs here already is left alone; else an emulator is switched on, or the way to it named.

arch-test, mount and update-binfmts are stand-ins; the real ones run when tests/container builds for arm64.
"""

from __future__ import annotations

import os

import pytest

from dodai import errors, process
from dodai.features.build import machine as machines
from tests.unit.host.conftest import Machine


@pytest.fixture
def amd64(here: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine of root's that runs programs of arm64 once QEMU was switched on for them."""
    monkeypatch.setattr(process, "SBIN", "")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(machines, "_BINFMT", here.state)
    here.script("dpkg", "echo amd64")
    here.script("arch-test", f"[ $1 = i386 ] || [ -e {here.state}/enabled ]")
    here.script("qemu-aarch64-static", "exit 1")
    here.script("mount", f": >{here.state}/register")
    here.script(
        "update-binfmts", f'[ "$*" = "--enable qemu-aarch64" ] && [ -e {here.state}/register ] && : >{here.state}/enabled'
    )
    return here


@pytest.mark.parametrize("architecture", ["amd64", "i386"])
def test_what_runs_is_left_alone(amd64: Machine, architecture: str, capfd: pytest.CaptureFixture[str]) -> None:
    machines.ready(architecture)
    assert not (amd64.state / "register").exists()
    assert capfd.readouterr().err == ""


def test_an_emulator_is_switched_on_and_it_is_said(amd64: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machines.ready("arm64")
    assert (amd64.state / "enabled").exists()
    said = "dodai: programs of arm64 are run by qemu-aarch64 from now on, on all of this machine\n"
    assert capfd.readouterr().err == said
    machines.ready("arm64")
    assert capfd.readouterr().err == ""


def test_a_plain_user_is_told_the_line(amd64: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(errors.BuildFailed) as caught:
        machines.ready("arm64")
    assert caught.value.message == "cannot build for arm64: this machine does not run its programs"
    assert caught.value.hint.endswith("qemu-user-static binfmt-support && update-binfmts --enable qemu-aarch64")


@pytest.mark.parametrize("broken", ["mount", "update-binfmts"])
def test_what_cannot_be_switched_on_is_told(amd64: Machine, broken: str) -> None:
    amd64.script(broken, "echo 'not permitted' >&2; exit 32")
    with pytest.raises(errors.BuildFailed) as caught:
        machines.ready("arm64")
    assert caught.value.message == "cannot build for arm64: its programs do not run, with qemu-aarch64 neither"


def test_without_arch_test_there_is_one_line(amd64: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (amd64.bin / "arch-test").unlink()
    with pytest.raises(errors.BuildFailed) as caught:
        machines.ready("arm64")
    assert caught.value.message == "cannot run programs of arm64: arch-test not installed"
