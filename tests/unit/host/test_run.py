"""F2: `dodai run` asks the engine for the right thing and is then the engine's client: its streams, signals and exit code."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dodai import engine
from dodai.features import reach
from tests.unit.host.conftest import Done, Machine

OneLine = Callable[[Done], str]


@pytest.fixture(params=[engine.DOCKER, engine.PODMAN])
def ready(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    """A machine with one engine that has the image."""
    machine.install(request.param)
    machine.environment["DODAI_ENGINE"] = request.param
    machine.image("dodai:latest")
    return machine


def test_exit_code_and_output_are_the_commands(ready: Machine) -> None:
    done = ready.dodai("run", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_command_line(ready: Machine) -> None:
    words = [
        "-e",
        "A=1",
        "--env=B",
        "-v",
        "/a:/b",
        "-p",
        "8080:80",
        "--name",
        "web",
        "-u",
        "5",
        "-w",
        "/x",
        "-o",
        "--cap-drop=ALL",
    ]
    assert ready.dodai("run", *words, "--init-quiet", "echo", "-e", "--", "x").returncode == 0
    assert ready.calls()[-1] == [
        *("run", "--pull=never", "--rm", "-i", "--env=A=1", "--env=B", "--volume=/a:/b", "--publish=8080:80", "--name=web"),
        *("--user=5", "--workdir=/x", "--cap-drop=ALL", "--entrypoint=/sbin/my_init", "dodai:latest"),
        *("--quiet", "--", "echo", "-e", "--", "x"),
    ]


def test_keep(ready: Machine) -> None:
    assert ready.dodai("run", "--keep", "true").returncode == 0
    assert "--rm" not in ready.calls()[-1]


def test_stdin_reaches_the_command(ready: Machine) -> None:
    assert ready.dodai("run", "cat", input="one\ntwo").stdout == "one\ntwo"


def test_closed_stdin_is_not_asked_for(ready: Machine) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m dodai run true <&-', sys.executable], env=ready.environment, check=False, timeout=30
    )
    assert done.returncode == 0
    assert "-i" not in ready.calls()[-1]


@pytest.mark.parametrize(("stdout_too", "flags"), [(True, ["-i", "-t"]), (False, ["-i"])])
def test_terminal_only_when_both_ends_are_one(ready: Machine, stdout_too: bool, flags: list[str]) -> None:
    controller, terminal = pty.openpty()
    try:
        child = subprocess.run(
            [sys.executable, "-m", "dodai", "run", "true"],
            env=ready.environment,
            stdin=terminal,
            stdout=terminal if stdout_too else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=30,
        )
    finally:
        os.close(terminal)
        os.close(controller)
    assert child.returncode == 0
    assert [word for word in ready.calls()[-1] if word in ("-i", "-t")] == flags


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_client(ready: Machine, number: int, tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = f"trap 'exit 42' {signal.Signals(number).name[3:]}; : >{started}; while :; do sleep 0.05; done"
    child = subprocess.Popen(
        [sys.executable, "-m", "dodai", "run", "sh", "-c", command],
        env=ready.environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    while not started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(number)
    assert child.wait(20) == 42


def test_image_that_is_missing_and_not_ours(ready: Machine, one_line: OneLine) -> None:
    done = ready.dodai("run", "--image", "theirs:1", "true")
    assert done.returncode == 125
    assert "theirs:1" in one_line(done)
    assert [call[0] for call in ready.calls()] == ["image"]


def test_streams_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda descriptor: descriptor in (0, 1))
    assert reach.streams() == ["-i", "-t"]
    assert reach.streams(no_tty=True) == ["-i"]
