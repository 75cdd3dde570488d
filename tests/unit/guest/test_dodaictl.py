"""D6: dodaictl shows what runs, tells a health check whether all is well, and prints the environment.

The state is one that a real runsv keeps where that matters, and otherwise written byte by byte as
runit's documentation has it.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

STATE = bytes([0]), bytes([1]), bytes([2])
DOWN, RUN, FINISH = STATE


def status_bytes(state: bytes, pid: int, wanted: bytes = b"u", paused: bool = False, ago: float = 0) -> bytes:
    """A supervise/status: TAI64N, pid, paused, wanted, TERM sent, state."""
    seconds = int(time.time() - ago) + 2**62 + 10
    return seconds.to_bytes(8, "big") + bytes(4) + pid.to_bytes(4, "little") + bytes([paused]) + wanted + b"\0" + state


class State:
    """A state directory with services in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._supervisors: list[int] = []

    def boot(self) -> None:
        (self.directory / "service").mkdir(parents=True)
        (self.directory / "pid").write_text(f"{os.getpid()}\n")
        (self.directory / "environ").write_bytes(b"B=two\nlines\0A=\xff\xc3\xa9\0")

    def add(self, name: str, *status: Any, supervised: bool = True, **more: Any) -> None:
        supervise = self.directory / "service" / name / "supervise"
        supervise.mkdir(parents=True)
        os.mkfifo(supervise / "ok")
        if supervised:
            # runsv holds it open for reading as long as it lives.
            self._supervisors.append(os.open(supervise / "ok", os.O_RDONLY | os.O_NONBLOCK))
        if status:
            (supervise / "status").write_bytes(status_bytes(*status, **more))

    def close(self) -> None:
        for descriptor in self._supervisors:
            os.close(descriptor)


@pytest.fixture
def state(tools: Any, tmp_path: Path) -> Iterator[State]:
    tools.paths = {
        "RUN_STATE": tmp_path / "run",
        "TMP_STATE": f"{tmp_path}/tmp-%d",
        "ENVIRONMENT_DIRECTORY": tmp_path / "no",
    }
    made = State(tmp_path / "run")
    yield made
    made.close()


@pytest.fixture
def dodaictl(tools: Any) -> Callable[..., Any]:
    def run(*arguments: str, **options: Any) -> Any:
        return tools.run("dodaictl", *arguments, **options)

    return run


def the_line(done: Any, code: int) -> str:
    assert (done.returncode, done.stdout) == (code, b""), done
    assert done.stderr.startswith(b"dodaictl: ")
    assert done.stderr.count(b"\n") == 1
    return str(done.stderr.decode())


class TestStatus:
    def test_table(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        state.add("web", RUN, 1234, ago=65.5)
        state.add("a-longer-name", DOWN, 0, b"d", ago=7200.5)
        state.add("paused", RUN, 7, paused=True)
        state.add("ending", FINISH, 8)
        state.add("gone", RUN, 9, supervised=False)
        done = dodaictl("status")
        assert (done.returncode, done.stderr) == (0, b"")
        lines = done.stdout.decode().splitlines()
        assert lines[0] == "SERVICE        STATE         WANTED  PID   FOR"
        assert lines[1] == "a-longer-name  down          down    -     2h 0m"
        assert lines[3] == "gone           unsupervised  -       -     -"
        assert lines[5] in (
            "web            running       up      1234  1m 5s",
            "web            running       up      1234  1m 6s",
        )
        assert [line.split()[:3] for line in lines[2:5:2]] == [["ending", "finishing", "up"], ["paused", "paused", "up"]]

    def test_json(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        state.add('we"b', RUN, 1234, ago=10)
        state.add("off", DOWN, 0, b"d")
        seen = json.loads(dodaictl("status", "--json").stdout)
        assert seen["my_init"] == {"pid": os.getpid()}
        off, web = seen["services"]
        assert 9 <= web.pop("seconds") < 60
        assert web == {"name": 'we"b', "state": "running", "wanted": "up", "pid": 1234, "healthy": True}
        assert (off["name"], off["pid"], off["healthy"]) == ("off", None, True)

    def test_some_services_by_name_or_path(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        for name in ("one", "two", "three"):
            state.add(name, RUN, 1)
        lines = dodaictl("status", "two", "/etc/service/one/").stdout.decode().splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["two", "one"]

    def test_an_unknown_service(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        state.add("nginx", RUN, 1)
        assert "no service 'ngnix' is supervised; did you mean 'nginx'?" in the_line(dodaictl("status", "ngnix"), 1)
        assert "dodaictl status lists" in the_line(dodaictl("status", "postgres"), 1)

    def test_no_services(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        assert "no service" in the_line(dodaictl("status"), 0)
        assert json.loads(dodaictl("status", "--json").stdout)["services"] == []

    @pytest.mark.usefixtures("state")
    def test_no_my_init(self, dodaictl: Callable[..., Any]) -> None:
        assert "no my_init runs here" in the_line(dodaictl("status"), 1)

    def test_output_that_cannot_be_written(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        state.add("web", RUN, 1)
        with Path("/dev/full").open("wb") as full:
            done = dodaictl("status", capture_output=False, stdout=full, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (
            1,
            b"dodaictl: cannot write to standard output: No space left on device\n",
        )


class TestHealth:
    def test_all_well_says_nothing(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        state.add("web", RUN, 1)
        state.add("off", DOWN, 0, b"d")
        done = dodaictl("health")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def test_the_sick_are_named(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        state.add("crashed", DOWN, 0)
        state.add("ending", FINISH, 8)
        state.add("gone", RUN, 9, supervised=False)
        state.add("paused", RUN, 7, paused=True)
        state.add("web", RUN, 1)
        done = dodaictl("health")
        assert (done.returncode, done.stderr) == (1, b"")
        assert done.stdout.decode().splitlines() == [
            "crashed is down, wanted up",
            "ending is finishing, wanted up",
            "gone is unsupervised",
            "paused is paused, wanted up",
        ]
        assert dodaictl("health", "web").returncode == 0
        assert dodaictl("health", "web", "gone").returncode == 1

    @pytest.mark.usefixtures("state")
    def test_without_a_my_init_it_is_not_healthy(self, dodaictl: Callable[..., Any]) -> None:
        the_line(dodaictl("health"), 1)


class TestEnv:
    def test_lines(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        assert dodaictl("env").stdout == b"A=\xff\xc3\xa9\nB=two\nlines\n"

    def test_json(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        assert json.loads(dodaictl("env", "--json").stdout) == {"A": "\udcffé", "B": "two\nlines"}

    def test_a_reader_that_goes_away_ends_it_quietly(self, state: State, tools: Any) -> None:
        state.boot()
        (state.directory / "environ").write_bytes(b"A=" + b"x" * 1_000_000 + b"\0")
        command = subprocess.Popen(tools.command("dodaictl", "env"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert command.stdout is not None
        command.stdout.read(1)
        command.stdout.close()
        assert command.stderr is not None
        assert command.stderr.read() == b""
        command.stderr.close()
        assert command.wait(30) < 0


@pytest.mark.usefixtures("state")
class TestUsage:
    @pytest.mark.parametrize("arguments", [[], ["stauts"], ["status", "--jsno"], ["health", "--json"], ["env", "PATH"]])
    def test_wrong_usage_is_2(self, dodaictl: Callable[..., Any], arguments: list[str]) -> None:
        line = the_line(dodaictl(*arguments), 2)
        if arguments == ["stauts"]:
            assert "did you mean 'status'?" in line

    @pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"]])
    def test_help(self, dodaictl: Callable[..., Any], arguments: list[str]) -> None:
        done = dodaictl(*arguments)
        assert (done.returncode, done.stderr, done.stdout[:15]) == (0, b"", b"usage: dodaictl")


class TestWithRunsv:
    """The same against runit itself, so that the bytes above are known to be right."""

    def test_a_service_comes_and_goes(self, state: State, dodaictl: Callable[..., Any]) -> None:
        state.boot()
        home = state.directory / "service" / "real"
        home.mkdir()
        (home / "run").write_text("#!/bin/sh\nexec sleep 1000\n")
        (home / "run").chmod(0o755)
        runsv = subprocess.Popen([shutil.which("runsv") or "/usr/bin/runsv", str(home)], stdin=subprocess.DEVNULL)
        try:
            seen = self.until(dodaictl, lambda service: service["state"] == "running")
            assert Path(f"/proc/{seen['pid']}/cmdline").read_bytes() == b"sleep\x001000\0"
            assert (seen["wanted"], seen["healthy"]) == ("up", True)
            assert 0 <= seen["seconds"] < 30
            (home / "supervise" / "control").write_bytes(b"d")
            seen = self.until(dodaictl, lambda service: service["state"] == "down")
            assert (seen["wanted"], seen["pid"], seen["healthy"]) == ("down", None, True)
        finally:
            runsv.terminate()
            runsv.wait(30)
        assert self.until(dodaictl, lambda service: service["state"] == "unsupervised")["healthy"] is False

    @staticmethod
    def until(dodaictl: Callable[..., Any], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while True:
            services = json.loads(dodaictl("status", "--json").stdout)["services"]
            if services and wanted(services[0]):
                return dict(services[0])
            assert time.monotonic() < deadline, services
            time.sleep(0.02)
