"""D6: dodaictl shows what runs, tells a health check whether all is well, and prints the environment."""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guest.floor import service_states
from tests.unit.guest.state_directory import DOWN, FINISH, RUN, State

Dodaictl = Callable[..., Any]
TheLine = Callable[[Any, int], str]


def services(dodaictl: Dodaictl, *names: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(dodaictl("status", "--json", *names).stdout)["services"]}


class TestStatus:
    def test_table(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.add("web", RUN, 1234, ago=65.5)
        state.policy("web", "ready", ready=1, healthy=1, critical=1)
        state.add("a-longer-name", DOWN, 0, b"d", ago=7200.5)
        state.policy("a-longer-name", "down", wanted="down", healthy=1, since=time.monotonic() - 7200.5)
        state.add("crashes", FINISH, 8)
        state.policy("crashes", "backoff", restarts=3, exit="signal 11", since=time.monotonic() - 4)
        state.add("paused", RUN, 7, paused=True)
        state.policy("paused", "ready", ready=1, healthy=1)
        state.add("gone", RUN, 9, supervised=False)
        state.policy("gone", "ready", ready=1, healthy=1, since=time.monotonic())
        done = dodaictl("status")
        assert (done.returncode, done.stderr) == (0, b"")
        lines = done.stdout.decode().splitlines()
        assert lines[0] == "SERVICE        STATE    PID   FOR    RESTARTS  LAST EXIT  HEALTH"
        assert lines[1] == "a-longer-name  down     -     2h 0m  0         -          healthy"
        assert lines[2] == "crashes        backoff  -     4s     3         signal 11  unhealthy"
        assert lines[3] == "gone           ready    -     0s     0         -          unhealthy  no supervisor"
        assert lines[4].split()[-2:] == ["unhealthy", "paused"]
        assert lines[5] in (
            "web            ready    1234  1m 5s  0         -          healthy    critical",
            "web            ready    1234  1m 6s  0         -          healthy    critical",
        )

    def test_json_is_the_contract(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot("startup files")
        state.add('we"b', RUN, 1234, ago=10)
        state.policy('we"b', "ready", ready=1, healthy=1, critical=1, restarts=2, exit="code 3")
        state.add("off", DOWN, 0, b"d")
        state.policy("off", "down", wanted="down", healthy=1, exit="signal 9")
        seen = json.loads(dodaictl("status", "--json").stdout)
        assert list(seen) == ["phase", "services"]
        assert seen["phase"] == "startup files"
        off, web = seen["services"]
        assert 9 <= web.pop("uptime_s") < 60
        assert web == {
            "name": 'we"b',
            "state": "ready",
            "wanted": "up",
            "pid": 1234,
            "restarts": 2,
            "last_exit": {"code": 3},
            "ready": True,
            "healthy": True,
            "critical": True,
        }
        assert (off["pid"], off["uptime_s"], off["last_exit"], off["wanted"]) == (None, None, {"signal": 9}, "down")
        assert (off["ready"], off["healthy"], off["critical"]) == (False, True, False)

    @pytest.mark.parametrize("told", service_states.ALL)
    @pytest.mark.parametrize("process", [RUN, DOWN, FINISH, None])
    def test_my_init_and_runsv_differ(self, state: State, dodaictl: Dodaictl, told: str, process: bytes | None) -> None:
        """Whoever of the two is ahead, no process is shown that is not there, and none that is there is called down."""
        state.boot()
        if process is None:
            state.add("web", RUN, 1, supervised=False)
        else:
            state.add("web", process, 1 if process != DOWN else 0)
        state.policy("web", told, ready=int(told == "ready"), healthy=int(told in ("ready", "running", "down")))
        web = services(dodaictl)["web"]
        assert web["state"] in service_states.ALL
        assert (web["pid"] is not None) == (process == RUN)
        if process == RUN:
            assert web["state"] not in ("down", "failed", "backoff")
        elif process is not None:
            assert web["state"] not in ("running", "ready")
        assert not web["ready"] or process == RUN
        assert not web["healthy"] or process == RUN or web["state"] == "down"

    def test_without_a_word_of_my_init_a_service_is_only_starting(self, state: State, dodaictl: Dodaictl) -> None:
        """runsv knows that a process runs, not whether it is ready."""
        state.boot()
        state.add("web", RUN, 5)
        state.add("other", DOWN, 0, b"d")
        assert {(one["state"], one["ready"], one["healthy"]) for one in services(dodaictl).values()} == {
            ("starting", False, False)
        }

    def test_some_services_by_name_or_path(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        for name in ("one", "two", "three"):
            state.add(name, RUN, 1)
        lines = dodaictl("status", "two", "/etc/service/one/").stdout.decode().splitlines()
        assert [line.split()[0] for line in lines[1:]] == ["two", "one"]

    def test_an_unknown_service(self, state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
        state.boot()
        state.add("nginx", RUN, 1)
        assert "no service 'ngnix' is supervised; did you mean 'nginx'?" in the_line(dodaictl("status", "ngnix"), 1)
        assert "dodaictl status lists" in the_line(dodaictl("status", "postgres"), 1)

    def test_no_services(self, state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
        state.boot()
        assert "no service" in the_line(dodaictl("status"), 0)
        assert json.loads(dodaictl("status", "--json").stdout) == {"phase": "running", "services": []}

    @pytest.mark.usefixtures("state")
    def test_no_my_init(self, dodaictl: Dodaictl, the_line: TheLine) -> None:
        assert "no my_init runs here" in the_line(dodaictl("status"), 1)

    def test_output_that_cannot_be_written(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.add("web", RUN, 1)
        with Path("/dev/full").open("wb") as full:
            done = dodaictl("status", capture_output=False, stdout=full, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (
            1,
            b"dodaictl: cannot write to standard output: No space left on device\n",
        )


class TestHealth:
    def test_all_well_says_nothing(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.add("web", RUN, 1)
        state.policy("web", "ready", ready=1, healthy=1)
        state.add("off", DOWN, 0, b"d")
        state.policy("off", "down", wanted="down", healthy=1)
        done = dodaictl("health")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def test_the_sick_are_named(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.add("crashed", FINISH, 8)
        state.policy("crashed", "backoff", exit="code 1")
        state.add("gone", RUN, 9, supervised=False)
        state.policy("gone", "ready", ready=1, healthy=1)
        state.add("paused", RUN, 7, paused=True)
        state.policy("paused", "ready", ready=1, healthy=1)
        state.add("sick", RUN, 8)
        state.policy("sick", "ready", ready=1, healthy=0)
        state.add("web", RUN, 1)
        state.policy("web", "running", healthy=1)
        done = dodaictl("health")
        assert (done.returncode, done.stderr) == (1, b"")
        assert done.stdout.decode().splitlines() == [
            "crashed is backoff (last exit code 1)",
            "gone is ready (no supervisor)",
            "paused is ready (paused)",
            "sick is ready",
        ]
        assert dodaictl("health", "web").returncode == 0
        assert dodaictl("health", "web", "gone").returncode == 1

    @pytest.mark.parametrize("phase", ["startup files", "services stop"])
    def test_a_container_that_boots_or_stops_is_not_healthy(self, state: State, dodaictl: Dodaictl, phase: str) -> None:
        state.boot(phase)
        done = dodaictl("health")
        assert (done.returncode, done.stdout) == (1, f"my_init is at: {phase}\n".encode())

    @pytest.mark.usefixtures("state")
    def test_without_a_my_init_it_is_not_healthy(self, dodaictl: Dodaictl, the_line: TheLine) -> None:
        the_line(dodaictl("health"), 1)

    @pytest.mark.root
    def test_another_user_may_ask(self, state: State, tools: Any) -> None:
        """runsv keeps supervise/ to its user; what my_init says is for everybody."""
        if os.geteuid() != 0:
            raise AssertionError("this test needs root")
        shutil.copytree(Path(tools.library), public := Path("/tmp") / f"dodai-public-{os.getpid()}")
        try:
            state.directory = public / "run"
            tools.paths |= {"RUN_STATE": state.directory}
            tools.library = public
            state.boot()
            state.add("web", RUN, 1)
            (state.home("web") / "supervise").chmod(0o700)
            state.policy("web", "ready", ready=1, healthy=1)
            done = tools.run("dodaictl", "health", user=1000, group=1000)
            assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
            seen = json.loads(tools.run("dodaictl", "status", "--json", user=1000).stdout)["services"]
            assert [(one["state"], one["pid"], one["ready"]) for one in seen] == [("ready", None, True)]
            assert b"run dodaictl as that user" in tools.run("dodaictl", "status", user=1000).stderr
        finally:
            shutil.rmtree(public)

    def test_it_is_cheap(self, state: State, dodaictl: Dodaictl) -> None:
        """Run every few seconds for a container's whole life; 40 ms of the wall clock where the machine is idle."""
        state.boot()
        for number in range(20):
            state.add(f"service-{number}", RUN, 1)
            state.policy(f"service-{number}", "ready", ready=1, healthy=1)

        def spent() -> float:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime

        costs = []
        for _ in range(5):
            before = spent()
            assert dodaictl("health").returncode == 0
            costs.append(spent() - before)
        assert min(costs) < 0.08, costs


class TestReady:
    def test_ready(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.add("web", RUN, 1)
        state.policy("web", "ready", ready=1, healthy=1)
        state.add("off", DOWN, 0, b"d")
        state.policy("off", "down", wanted="down", healthy=1)
        done = dodaictl("ready")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def test_not_ready(self, state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
        state.boot()
        state.add("web", RUN, 1)
        state.policy("web", "running", healthy=1)
        assert "service 'web' is not ready: it is running" in the_line(dodaictl("ready"), 1)
        assert "did you mean 'web'?" in the_line(dodaictl("ready", "wbe"), 1)

    def test_wait(self, state: State, tools: Any) -> None:
        """Also for a my_init that is not there yet."""
        waiting = subprocess.Popen(tools.command("dodaictl", "ready", "--wait=60", "web"), stderr=subprocess.PIPE)
        try:
            for step in (
                lambda: state.boot("startup files"),
                lambda: state.add("web", RUN, 1),
                lambda: state.policy("web", "running"),
                lambda: (state.directory / "phase").write_text("running\n"),
            ):
                with pytest.raises(subprocess.TimeoutExpired):
                    waiting.wait(0.12)
                step()
            state.policy("web", "ready", ready=1, healthy=1)
            assert waiting.communicate(timeout=30)[1] == b""
            assert waiting.returncode == 0
        finally:
            waiting.kill()
            waiting.wait()

    def test_services_that_my_init_has_not_come_to(self, state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
        """The phase is "running" before the first of them is started; those that cannot run are not waited for."""
        state.boot()
        services = state.directory.parent / "services"
        for name, mode in (("web", 0o755), ("broken", 0o644)):
            (services / name).mkdir(parents=True)
            (services / name / "run").write_text("#!/bin/sh\nexec sleep 1\n")
            (services / name / "run").chmod(mode)
        assert "service 'web' is not ready: my_init has not come to it" in the_line(dodaictl("ready"), 1)
        state.add("web", RUN, 1)
        state.policy("web", "ready", ready=1, healthy=1)
        assert dodaictl("ready").returncode == 0

    def test_a_failed_service_ends_the_wait(self, state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
        state.boot()
        state.add("web", DOWN, 0, b"d")
        state.policy("web", "failed", exit="code 1")
        assert "it is failed" in the_line(dodaictl("ready", "--wait", "60"), 1)

    @pytest.mark.parametrize("seconds", ["soon", "-1", "nan", ""])
    def test_odd_seconds(self, state: State, dodaictl: Dodaictl, the_line: TheLine, seconds: str) -> None:
        state.boot()
        assert f"--wait takes a number of seconds, not '{seconds}'" in the_line(dodaictl("ready", f"--wait={seconds}"), 2)


class TestEnv:
    def test_lines(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        assert dodaictl("env").stdout == b"A=\xff\xc3\xa9\nB=two\nlines\n"

    def test_json(self, state: State, dodaictl: Dodaictl) -> None:
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
    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            ([], "--help"),
            (["stauts"], "did you mean 'status'?"),
            (["status", "--jsno"], "did you mean '--json'?"),
            (["health", "--json"], "--json"),
            (["env", "PATH"], "usage"),
            (["boot", "web"], "usage"),
            (["events", "web"], "usage"),
            (["logs"], "usage"),
            (["start"], "usage"),
            (["stop", "--timeout"], "needs a value"),
            (["signal", "HUP"], "usage"),
            (["signal", "NOPE", "web"], "unknown signal 'NOPE'"),
        ],
    )
    def test_wrong_usage_is_2(self, dodaictl: Dodaictl, the_line: TheLine, arguments: list[str], hint: str) -> None:
        assert hint in the_line(dodaictl(*arguments), 2)

    @pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"]])
    def test_help(self, dodaictl: Dodaictl, arguments: list[str]) -> None:
        done = dodaictl(*arguments)
        assert (done.returncode, done.stderr, done.stdout[:15]) == (0, b"", b"usage: dodaictl")

    @pytest.mark.parametrize("verb", ["status", "health", "ready", "boot", "events"])
    def test_without_my_init_is_1(self, dodaictl: Dodaictl, the_line: TheLine, verb: str) -> None:
        assert "no my_init runs here" in the_line(dodaictl(verb), 1)
