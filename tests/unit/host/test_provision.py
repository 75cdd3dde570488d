"""F2, bad input: what is missing is installed by root, named for anybody else; a failure is one line with its remedy.

apt-get and dockerd are stand-ins here: scripts that behave at their edges as the real ones do. The real ones run when a bare
Debian is provisioned.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from dodai import engine, errors, process
from dodai.features import provision
from tests.unit.host.conftest import Machine


@pytest.fixture
def bare(here: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose only programs are the test's, as its root sees it."""
    monkeypatch.setattr(process, "SBIN", "")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(provision, "LOCKS", here.state)
    return here


def apt(machine: Machine, install: str = "") -> None:
    machine.script("apt-get", f'echo "$*" >>{machine.state}/apt\ncase "$*" in *update) exit 0;; esac\n{install or ":"}')


def test_nothing_missing_does_nothing(bare: Machine) -> None:
    bare.script("tool", ":")
    provision.packages({"tool": "tool-package", "/": "base-files"}, purpose="try")
    assert provision.missing({"tool": "tool-package"}) == []


def test_installs_what_is_missing_unattended(bare: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    apt(bare, f'[ "$DEBIAN_FRONTEND" = noninteractive ] && : >{bare.bin}/tool')
    provision.packages({"tool": "tool-package", "other": "tool-package", "/no/key": "keyring"}, purpose="try")
    asked = (bare.state / "apt").read_text().splitlines()
    assert asked[-1].endswith("install --no-install-recommends tool-package keyring")
    assert "installing tool-package keyring" in capsys.readouterr().err


def test_failure_gives_apts_reason(bare: Machine) -> None:
    apt(bare, "echo 'E: Unable to locate package tool-package' >&2; echo more >&2; exit 100")
    with pytest.raises(errors.ProvisionFailed) as caught:
        provision.packages({"tool": "tool-package"}, purpose="try")
    assert caught.value.message == "cannot try: E: Unable to locate package tool-package"
    assert "apt-get install -y --no-install-recommends tool-package" in caught.value.hint
    assert caught.value.exit_code == 125


def test_not_root_is_told_the_line(bare: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    apt(bare)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(errors.ProvisionFailed) as caught:
        provision.packages({"tool": "tool-package"}, purpose="try")
    assert caught.value.hint == "as root: apt-get update && apt-get install -y --no-install-recommends tool-package"
    assert not (bare.state / "apt").exists()


def test_an_engine_that_answers_is_taken(bare: Machine) -> None:
    bare.install("podman")
    assert provision.ready_engine().kind == engine.PODMAN


def test_one_that_keeps_us_out_is_not_replaced(bare: Machine) -> None:
    apt(bare)
    bare.script("docker", "echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1")
    with pytest.raises(errors.EngineRefused, match="permission denied"):
        provision.ready_engine()
    assert not (bare.state / "apt").exists()


def test_a_remote_engine_is_not_replaced(bare: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    apt(bare)
    monkeypatch.setenv("DOCKER_HOST", "ssh://build")
    with pytest.raises(errors.EngineMissing):
        provision.ready_engine()
    assert not (bare.state / "apt").exists()


@pytest.fixture
def daemon(bare: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A docker whose daemon answers once dockerd has run."""
    monkeypatch.setenv("PATH", f"{bare.bin}:/usr/bin:/bin")
    monkeypatch.setenv("DODAI_ENGINE", "docker")
    monkeypatch.setattr(provision, "DAEMON_LOG", bare.state / "dockerd.log")
    monkeypatch.setattr(provision, "DAEMON_PID", bare.state / "docker.pid")
    monkeypatch.setattr(provision, "SYSTEMD", bare.state / "systemd")
    answer = "echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' >&2; exit 1"
    bare.script("docker", f"[ -e {bare.state}/up ] && {{ echo 20.10; exit; }}; {answer}")
    bare.script("iptables", ":")
    yield bare
    if (bare.state / "up").exists():
        os.kill(int((bare.state / "up").read_text()), signal.SIGKILL)


def test_dockerd_is_started_where_no_init_system_does(daemon: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    daemon.script("dockerd", f"echo $$ >{daemon.state}/pid; mv {daemon.state}/pid {daemon.state}/up; exec sleep 60")
    assert provision.ready_engine().kind == engine.DOCKER
    assert "starting dockerd in the background" in capsys.readouterr().err
    # It runs now: nothing to start.
    assert provision.start_docker() is None


def test_dockerd_that_fails_is_quoted(daemon: Machine) -> None:
    daemon.script("dockerd", "echo 'failed to start daemon: no cgroups' >&2; exit 1")
    with pytest.raises(errors.EngineRefused) as caught:
        provision.start_docker()
    assert caught.value.message == "cannot start dockerd: failed to start daemon: no cgroups"
    assert "dockerd.log" in caught.value.hint


def test_an_init_system_is_asked_instead(daemon: Machine) -> None:
    (daemon.state / "systemd").mkdir()
    daemon.script("systemctl", f'[ "$*" = "start docker" ] || exit 1; sleep 60 >/dev/null 2>&1 & echo $! >{daemon.state}/up')
    assert provision.start_docker() is None
    assert (daemon.state / "up").exists()


def test_one_at_a_time(bare: Machine) -> None:
    order: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with provision.lock("test"):
            order.append("in")
            inside.set()
            leave.wait(10)
            order.append("out")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    threading.Timer(0.1, leave.set).start()
    with provision.lock("test"):
        order.append("next")
    thread.join()
    assert order == ["in", "out", "next"]
