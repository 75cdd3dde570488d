"""D6, D5: the boot log as a story and as events, and the last lines of a service; both can be followed."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.guest.state_directory import RUN, State
from tests.unit.guest.test_dodaictl import Dodaictl, TheLine

SECONDS = 30.0

BOOT: list[dict[str, Any]] = [
    {"t": 100.012, "event": "boot", "time": 1.7e9, "started": 100.0, "pid": 1},
    {"t": 100.012, "event": "phase", "phase": "syslog starts"},
    {"t": 100.112, "event": "phase", "phase": "startup files"},
    {"t": 100.112, "event": "script-start", "path": "/etc/my_init.d/10_slow", "pid": 7, "kind": "startup"},
    {"t": 101.112, "event": "script-end", "path": "/etc/my_init.d/10_slow", "code": 0},
    {"t": 101.12, "event": "phase", "phase": "running"},
    {"t": 101.121, "event": "service", "name": "db", "state": "starting"},
    {"t": 101.122, "event": "service", "name": "web", "state": "starting"},
    {"t": 101.123, "event": "service", "name": "other", "state": "starting"},
    {"t": 101.125, "event": "service", "name": "db", "state": "running", "pid": 9},
    {"t": 101.126, "event": "service", "name": "other", "state": "running", "pid": 8},
    {"t": 101.126, "event": "command-start", "program": "sleep", "pid": 20},
    {"t": 101.326, "event": "service", "name": "other", "state": "ready", "pid": 8},
    {"t": 103.125, "event": "service", "name": "db", "state": "ready", "pid": 9},
    {"t": 103.13, "event": "service", "name": "web", "state": "running", "pid": 10},
    {"t": 103.63, "event": "service", "name": "web", "state": "ready", "pid": 10},
    {"t": 103.64, "event": "ready"},
    {"t": 150.0, "event": "service", "name": "web", "state": "backoff", "code": 1, "delay": 1.0},
]


class TestBoot:
    def test_the_chain_and_the_slowest(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.events(*BOOT)
        (state.home("web") / "definition").mkdir(parents=True)
        (state.home("web") / "definition" / "depends").write_text("# first\ndb # the data\nnothing-like-it\n")
        done = dodaictl("boot")
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode() == (
            "all services are ready: 3.640 s after the start of PID 1\n"
            "\n"
            "what it waited for, in order:\n"
            "      at     took\n"
            "     0.000    0.012  my_init\n"
            "     0.012    0.100  system logger\n"
            "     0.112    1.000  /etc/my_init.d/10_slow\n"
            "     1.125    2.000  db\n"
            "     3.130    0.500  web\n"
            "\n"
            "slowest steps:\n"
            "    took\n"
            "   2.000  db\n"
            "   1.000  /etc/my_init.d/10_slow\n"
            "   0.500  web\n"
            "   0.200  other\n"
            "   0.100  system logger\n"
            "   0.012  my_init\n"
        )

    @pytest.mark.parametrize(
        ("count", "head"),
        [
            (5, "the boot is not over yet; at the last event: 1.112 s"),
            (13, "the command starts: 1.126 s after the start of PID 1"),
        ],
    )
    def test_a_boot_that_is_under_way(self, state: State, dodaictl: Dodaictl, count: int, head: str) -> None:
        state.boot()
        state.events(*BOOT[:count])
        assert dodaictl("boot").stdout.decode().splitlines()[0] == head

    def test_without_an_event_of_its_own_the_last_service_tells(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.events(*(event for event in BOOT if event["event"] != "ready"))
        assert dodaictl("boot").stdout.decode().splitlines()[0] == "all services are ready: 3.630 s after the start of PID 1"

    def test_a_torn_line_and_an_unknown_event_are_no_harm(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.events(*BOOT, {"t": 1, "event": "new"}, {"event": 5})
        with (state.directory / "events").open("a") as log:
            log.write('[1]\n{"t": 151.0, "eve')
        assert dodaictl("boot").returncode == 0

    def test_a_log_that_was_turned(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.events(*BOOT, file="events.old")
        state.events({"t": 200.0, "event": "service", "name": "web", "state": "ready"})
        assert b"3.640 s after" in dodaictl("boot").stdout

    def test_no_log(self, state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
        state.boot()
        assert "cannot read the boot log: No such file" in the_line(dodaictl("boot"), 1)


class Following:
    """A dodaictl that goes on."""

    def __init__(self, command: list[str | bytes]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.out = b""

    def until(self, ending: bytes) -> bytes:
        """What it has printed once that ends so."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + SECONDS
        while not self.out.endswith(ending):
            assert time.monotonic() < deadline, self.out[-1000:]
            piece = self.process.stdout.read()
            self.out += piece or b""
            if not piece:
                time.sleep(0.01)
        return self.out

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def follow(tools: Any) -> Iterator[Callable[..., Following]]:
    made: list[Following] = []

    def start(*arguments: str) -> Following:
        made.append(Following(tools.command("dodaictl", *arguments)))
        return made[-1]

    yield start
    for one in made:
        one.close()


class TestEvents:
    def test_as_they_are(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        state.events(*BOOT[:2], file="events.old")
        state.events(*BOOT[2:])
        assert [json.loads(line) for line in dodaictl("events").stdout.splitlines()] == BOOT

    def test_followed_past_a_turn(self, state: State, follow: Callable[..., Following]) -> None:
        state.boot()
        state.events({"t": 1, "event": "boot"})
        one = follow("events", "--follow")
        one.until(b'"boot"}\n')
        state.events({"t": 2, "event": "two"})
        one.until(b'"two"}\n')
        state.events({"t": 3, "event": "three"})
        (state.directory / "events").rename(state.directory / "events.old")
        state.events({"t": 4, "event": "four"})
        seen = one.until(b'"four"}\n')
        assert [json.loads(line)["t"] for line in seen.splitlines()] == [1, 2, 3, 4]

    def test_it_ends_with_its_reader_though_nothing_happens(self, state: State, follow: Callable[..., Following]) -> None:
        """docker leaves behind what it has started with exec when its client goes away."""
        state.boot()
        state.events({"t": 1, "event": "boot"})
        one = follow("events", "-f")
        one.until(b"\n")
        assert one.process.stdout is not None
        one.process.stdout.close()
        assert one.process.wait(SECONDS) == 0


class TestLogs:
    @staticmethod
    def ring(state: State) -> Path:
        (state.directory / "log").mkdir()
        state.add("web", RUN, 1)
        os.mkfifo(state.directory / "log" / "web.out")
        return state.directory / "log" / "web.log"

    def test_the_last_64_kib(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        ring = self.ring(state)
        lines = [b"[web] %05d\n" % number for number in range(10_000)]
        ring.with_suffix(".old").write_bytes(b"".join(lines[:6000]))
        ring.write_bytes(b"".join(lines[6000:]))
        done = dodaictl("logs", "web")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"".join(lines).endswith(b"\n" + done.stdout)
        assert 65536 - 12 <= len(done.stdout) <= 65536

    def test_nothing_printed_yet(self, state: State, dodaictl: Dodaictl) -> None:
        state.boot()
        self.ring(state)
        done = dodaictl("logs", "web")
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def test_plain_keeps_nothing(self, state: State, dodaictl: Dodaictl, the_line: TheLine) -> None:
        state.boot()
        state.add("web", RUN, 1)
        assert "MY_INIT_LOG_FORMAT=prefix or json only" in the_line(dodaictl("logs", "web"), 1)
        assert "did you mean 'web'?" in the_line(dodaictl("logs", "webb"), 1)

    def test_followed_from_the_first_line_on(self, state: State, follow: Callable[..., Following]) -> None:
        state.boot()
        ring = self.ring(state)
        one = follow("logs", "-f", "web")
        ring.write_bytes(b"[web] one\n")
        one.until(b"[web] one\n")
        with ring.open("ab") as more:
            more.write(b"[web] two\n")
        assert one.until(b"two\n") == b"[web] one\n[web] two\n"

    def test_lines_that_came_too_fast_are_owned_up_to(self, state: State, follow: Callable[..., Following]) -> None:
        state.boot()
        ring = self.ring(state)
        ring.write_bytes(b"one\n")
        one = follow("logs", "-f", "web")
        one.until(b"one\n")
        # Stopped, so that two turns happen between two looks.
        one.process.send_signal(19)
        for line in (b"two\n", b"three\n"):
            ring.rename(ring.with_suffix(".old"))
            ring.write_bytes(line)
        one.process.send_signal(18)
        assert one.until(b"three\n") == b"one\nthree\n"
        one.process.kill()
        assert one.process.stderr is not None
        assert one.process.stderr.read() == b"dodaictl: lines are missing here: they came faster than they were read\n"
