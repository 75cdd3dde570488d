"""D6: dodaictl starts, stops, restarts and signals services through a real runsv, and its exit code tells how that went."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.guest.state_directory import State
from tests.unit.guest.test_dodaictl import Dodaictl, TheLine, services

STAYS = "exec sleep 1000"


def until(dodaictl: Dodaictl, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while True:
        seen = services(dodaictl)
        if seen and wanted(next(iter(seen.values()))):
            return next(iter(seen.values()))
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


def runs(service: dict[str, Any]) -> bool:
    return service["pid"] is not None


def is_supervised(state: State) -> Callable[[dict[str, Any]], bool]:
    return lambda service: (state.home(service["name"]) / "supervise" / "status").exists()


def test_a_service_is_stopped_and_started(state: State, dodaictl: Dodaictl) -> None:
    state.boot()
    runsv = state.run("web", STAYS)
    first = until(dodaictl, runs)
    assert Path(f"/proc/{first['pid']}/cmdline").read_bytes() == b"sleep\x001000\0"
    assert (first["state"], first["healthy"]) == ("ready", True)
    for _ in range(2):  # what is so already is a success
        done = dodaictl("stop", "web")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        seen = services(dodaictl)["web"]
        assert (seen["state"], seen["pid"], seen["healthy"]) == ("down", None, True)
        assert not Path(f"/proc/{first['pid']}").exists()
    for _ in range(2):
        assert dodaictl("start", "web").returncode == 0
        second = services(dodaictl)["web"]
        assert second["pid"] not in (None, first["pid"])
    assert dodaictl("restart", "/etc/service/web").returncode == 0
    assert services(dodaictl)["web"]["pid"] not in (None, second["pid"])
    runsv.terminate()
    runsv.wait(30)
    assert until(dodaictl, lambda service: not runs(service))["healthy"] is False


def test_restart_starts_what_is_down(state: State, dodaictl: Dodaictl) -> None:
    state.boot()
    state.run("web", STAYS, down=True)
    until(dodaictl, is_supervised(state))
    state.policy("web", "ready", ready=1, healthy=1)
    assert dodaictl("restart", "web").returncode == 0
    assert services(dodaictl)["web"]["pid"]


def test_a_service_that_fails_at_once_has_not_started(state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
    state.boot()
    state.run("web", "exit 3", down=True)
    until(dodaictl, is_supervised(state))
    state.policy("web", "ready", ready=1, healthy=1)
    assert "service 'web' is not ready after 0.5 s" in the_line(dodaictl("start", "--timeout", "0.5", "web"), 1)


def test_not_ready_in_time_and_given_up(state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
    """What my_init says counts: running is not ready, and failed ends the wait."""
    state.boot()
    state.run("web", STAYS)
    until(dodaictl, runs)
    state.policy("web", "running")
    assert "service 'web' is not ready after 0.1 s" in the_line(dodaictl("restart", "--timeout=0.1", "web"), 1)
    dodaictl("stop", "web")
    state.policy("web", "failed", exit="signal 6", since=time.monotonic() + 3600)
    (state.home("web") / "run").unlink()
    line = the_line(dodaictl("start", "--timeout=60", "web"), 1)
    assert "service 'web' has failed, its last exit was signal 6" in line


def test_a_service_that_does_not_stop(state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
    state.boot()
    state.run("web", f"trap '' TERM\ntouch {state.directory}/deaf\n{STAYS}")
    until(dodaictl, lambda service: runs(service) and (state.directory / "deaf").exists())
    line = the_line(dodaictl("stop", "--timeout=0.2", "web"), 1)
    assert "web' has not stopped: its process" in line
    assert "dodaictl signal KILL web" in line
    assert dodaictl("signal", "KILL", "web").returncode == 0
    assert until(dodaictl, lambda service: service["state"] == "down")["pid"] is None


@pytest.mark.parametrize("name", ["HUP", "SIGUSR1", "WINCH", "28"])
def test_signals(state: State, dodaictl: Dodaictl, name: str) -> None:
    """Those that runsv knows and those that it does not."""
    state.boot()
    trap = "; ".join(f"trap 'echo {one} >>{state.directory}/got' {one}" for one in ("HUP", "USR1", "WINCH"))
    state.run("web", f"{trap}\ntouch {state.directory}/set\nwhile :; do sleep 0.05; done")
    until(dodaictl, lambda service: runs(service) and (state.directory / "set").exists())
    assert dodaictl("signal", name, "web").returncode == 0
    wanted = {"SIGUSR1": "USR1", "28": "WINCH"}.get(name, name)
    until(dodaictl, lambda _: (state.directory / "got").exists())
    assert (state.directory / "got").read_text() == f"{wanted}\n"


def test_what_cannot_be_done(state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
    state.boot()
    state.run("web", STAYS, down=True)
    until(dodaictl, is_supervised(state))
    assert "cannot send SIGHUP to service 'web': it does not run" in the_line(dodaictl("signal", "HUP", "web"), 1)
    assert "did you mean 'web'?" in the_line(dodaictl("stop", "wbe"), 1)
    state.add("gone", supervised=False)
    (state.home("gone") / "supervise" / "control").touch()
    (state.home("gone") / "supervise" / "control").unlink()
    assert "cannot start service 'gone'" in the_line(dodaictl("start", "gone"), 1)
    (state.directory / "phase").write_text("services stop\n")
    assert "the container stops" in the_line(dodaictl("start", "web"), 1)
