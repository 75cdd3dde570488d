"""F2, bad input: help with examples, one line and a distinct exit code for a failure, never a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

import dodai
from dodai import errors
from tests.unit.host.conftest import Done, Machine

OneLine = Callable[[Done], str]


def test_version(machine: Machine) -> None:
    done = machine.dodai("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"dodai {dodai.__version__}\n", "")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["run", "--help"], ["shell", "-h"], ["build", "--help"]])
def test_help(machine: Machine, words: list[str]) -> None:
    done = machine.dodai(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(['dodai', *words[:-1]])} ")


@pytest.mark.parametrize("command", ["run", "shell"])
def test_help_of_a_command_has_examples(machine: Machine, command: str) -> None:
    done = machine.dodai(command, "--help")
    assert f"dodai {command} " in done.stdout.split("Examples:")[1]


def test_no_arguments_shows_the_help_and_fails(machine: Machine) -> None:
    done = machine.dodai()
    assert done.returncode == 2
    assert "Usage: dodai" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--nope"], "--nope"),
        (["fly"], "fly"),
        (["run"], "COMMAND"),
        (["run", "--nope", "true"], "--nope"),
        (["run", "--memory"], "--memory"),
        (["run", ""], "empty"),
        (["run", "--keep", "--rm", "true"], "--keep"),
        (["shell"], "CONTAINER"),
        (["shell", "--exec", "-i", "key", "web"], "--exec"),
        (["build", "--suite", "sarge"], "sarge"),
    ],
)
def test_wrong_usage_is_one_line(machine: Machine, one_line: OneLine, words: list[str], named: str) -> None:
    done = machine.dodai(*words)
    assert done.returncode == 2
    assert named.lower() in one_line(done).lower()


def test_no_engine_is_one_line(machine: Machine, one_line: OneLine) -> None:
    # A choice keeps it from installing one where the tests are root.
    machine.script("podman", "echo 'Error: broken storage' >&2; exit 125")
    machine.environment["DODAI_ENGINE"] = "podman"
    done = machine.dodai("run", "true")
    assert done.returncode == 125
    assert one_line(done) == 'dodai: cannot look at the image "dodai:latest": broken storage'


def test_a_fault_of_ours_is_one_line(machine: Machine, one_line: OneLine) -> None:
    machine.script("podman", "echo 'not json'")
    machine.environment["DODAI_ENGINE"] = "podman"
    done = machine.dodai("shell", "web")
    assert done.returncode == 70
    assert "JSONDecodeError" in one_line(done)
    assert "report" in done.stderr
    assert "Traceback" in machine.dodai("--verbose", "shell", "web").stderr


def test_stderr_closed_is_no_failure(machine: Machine) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m dodai run 2>&-', sys.executable], env=machine.environment, check=False, timeout=30
    )
    assert done.returncode == 2


def test_reader_that_went_away(machine: Machine) -> None:
    line = f"{sys.executable} -m dodai --help; echo $? >&2"
    child = subprocess.Popen(
        ["sh", "-c", line], env=machine.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    # Nothing but the code, which is not 0.
    assert child.stderr.read() in ("1\n", "141\n")
    child.stderr.close()
    assert child.wait(30) == 0


def test_interrupt(machine: Machine) -> None:
    machine.script("docker", f": >{machine.state}/asked; exec sleep 60")
    machine.environment["DODAI_ENGINE"] = "docker"
    child = subprocess.Popen(
        [sys.executable, "-m", "dodai", "run", "true"],
        env=machine.environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    while not (machine.state / "asked").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does
    assert child.communicate(timeout=30)[1] == ""
    assert child.returncode == 130


def test_every_error_has_its_line_and_exit_code() -> None:
    wanted = {
        errors.UsageError: 2,
        errors.KeyUnusable: 2,
        errors.ContainerNotFound: 123,
        errors.ContainerAmbiguous: 123,
        errors.ContainerNotRunning: 123,
        errors.BuildFailed: 124,
        errors.NoSpace: 124,
        errors.MirrorUnreachable: 124,
        errors.EngineMissing: 125,
        errors.EngineRefused: 125,
        errors.ImageMissing: 125,
        errors.ProvisionFailed: 125,
        errors.InternalError: 70,
    }
    for kind, code in wanted.items():
        assert kind("cannot x: y").exit_code == code
        assert kind.__name__ in str(errors.__doc__)
