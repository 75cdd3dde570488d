"""D5: what services print, with their names: every line whole, in its order, from its stream, in both formats.

The logger is a real process between real FIFOs and pipes. PID 1's part (the FIFOs, the requests on
standard input) is the test's.
"""

import base64
import datetime
import fcntl
import json
import os
import select
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guest.parts import log_ring

SECONDS = 30.0
DOWN, RUN = 0, 1


class Drain(threading.Thread):
    """Reads a pipe to its end; may be told to hold."""

    def __init__(self, fd: int) -> None:
        super().__init__(daemon=True)
        self.fd = fd
        self.data = bytearray()
        self.go = threading.Event()
        self.go.set()
        self.start()

    def run(self) -> None:
        while self.go.wait() and (piece := os.read(self.fd, 65536)):
            self.data += piece

    def text(self) -> bytes:
        self.join(SECONDS)
        assert not self.is_alive()
        return bytes(self.data)


class World:
    """A state directory and a logger in it, with the test as PID 1."""

    def __init__(self, state: Path, tools: Any) -> None:
        self.state = state
        self._tools = tools
        self._held: list[int] = []
        self._started: list[subprocess.Popen[bytes]] = []
        (state / "log").mkdir(parents=True)

    def service(self, name: str, pid: int = 1234, state: int = RUN) -> None:
        """As PID 1 makes them: FIFOs that it keeps open, and what runsv says of the process."""
        for ending in ("out", "err"):
            fifo = self.state / "log" / f"{name}.{ending}"
            os.mkfifo(fifo)
            self._held.append(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))
        self.status(name, pid, state)

    def status(self, name: str, pid: int, state: int = RUN) -> None:
        supervise = self.state / "service" / name / "supervise"
        supervise.mkdir(parents=True, exist_ok=True)
        (supervise / "status.new").write_bytes(bytes(12) + pid.to_bytes(4, "little") + b"\0u\0" + bytes([state]))
        (supervise / "status.new").rename(supervise / "status")

    def start(self, form: str = "prefix", **options: Any) -> subprocess.Popen[bytes]:
        piped: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "bufsize": 0}
        logger = subprocess.Popen(self._tools.command("logger", form, str(self.state)), **piped | options)
        self._started.append(logger)
        return logger

    def open(self, name: str, ending: str = "out") -> int:
        """What runsv's child has as its stdout or stderr."""
        self._held.append(os.open(self.state / "log" / f"{name}.{ending}", os.O_WRONLY))
        return self._held[-1]

    def write(self, name: str, data: bytes, ending: str = "out") -> None:
        os.write(self.open(name, ending), data)

    def let_go(self) -> None:
        """Close every FIFO."""
        for fd in self._held:
            os.close(fd)
        self._held = []

    def close(self) -> None:
        self.let_go()
        for logger in self._started:
            logger.kill()
            logger.wait(SECONDS)
            for file in (logger.stdin, logger.stdout, logger.stderr):
                if file is not None:
                    file.close()


@pytest.fixture
def world(tools: Any, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "state", tools)
    yield made
    made.close()


def ask(logger: subprocess.Popen[bytes], text: bytes) -> None:
    assert logger.stdin is not None
    logger.stdin.write(text)


def finish(logger: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """End of file on stdin, as at the container's end; what it wrote."""
    out, err = logger.communicate(timeout=SECONDS)
    assert logger.returncode == 0
    return out, err


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def read_until(fd: int, ending: bytes) -> bytes:
    data = b""
    deadline = time.monotonic() + SECONDS
    while not data.endswith(ending):
        assert select.select([fd], [], [], max(deadline - time.monotonic(), 0))[0], data[-1000:]
        data += os.read(fd, 65536)
    return data


def test_prefix_keeps_the_streams_apart_and_the_last_line(world: World) -> None:
    world.service("web")
    world.service("db")
    logger = world.start()
    ask(logger, b"add web\nadd db\n")
    world.write("web", b"one\n\ntwo [x]\r\n")
    world.write("web", b"a complaint\nno newline", "err")
    world.write("db", b"\xff\n")
    out, err = finish(logger)
    assert sorted(out.splitlines(True)) == sorted([b"[web] one\n", b"[web] \n", b"[web] two [x]\r\n", b"[db] \xff\n"])
    assert err == b"[web] a complaint\n[web] no newline\n"


def test_json(world: World) -> None:
    world.service('a "b"', pid=4321)
    logger = world.start("json")
    ask(logger, b'add a "b"\n')
    lines = [b"plain", b"", b'"quoted" \\back', b"tab\t bell\x07 esc\x1b[1m nul\0 cr\r", "ü → 土".encode(), b"a\xffb", b"c\x7f"]
    before = datetime.datetime.now(datetime.UTC)
    world.write('a "b"', b"\n".join(lines))
    world.write('a "b"', b"valid\n", "err")
    out, err = finish(logger)
    seen = [json.loads(line) for line in out.splitlines()]
    assert [one["message"] for one in seen] == [line.decode(errors="replace") for line in lines]
    assert [base64.b64decode(one["message_b64"]) for one in seen if "message_b64" in one] == [b"a\xffb"]
    for one in seen:
        assert (one["service"], one["stream"], one["pid"]) == ('a "b"', "stdout", 4321)
        assert len(one["ts"]) == len("2026-01-31T23:59:59.999Z")
        written = datetime.datetime.fromisoformat(one["ts"])
        assert abs((written - before).total_seconds()) < SECONDS
    assert list(seen[0]) == ["ts", "service", "stream", "pid", "message"]
    complaint = json.loads(err)
    assert (complaint["stream"], complaint["message"]) == ("stderr", "valid")


@pytest.mark.parametrize("form", ["prefix", "json"])
def test_a_line_of_a_megabyte_stays_whole(world: World, form: str) -> None:
    world.service("web")
    logger = world.start(form)
    ask(logger, b"add web\n")
    line = bytes(range(32, 127)).replace(b'"', b"").replace(b"\\", b"") * 11000
    assert logger.stdout is not None
    drain = Drain(logger.stdout.fileno())
    writer = subprocess.run(["cat"], input=line + b"\nnext\n", stdout=world.open("web"), check=True, timeout=SECONDS)
    assert writer.returncode == 0
    assert logger.stdin is not None
    logger.stdin.close()
    first, second = drain.text().splitlines()
    assert logger.wait(SECONDS) == 0
    message = json.loads(first)["message"].encode() if form == "json" else first.removeprefix(b"[web] ")
    assert message == line
    assert b"next" in second


@pytest.mark.parametrize("form", ["prefix", "json"])
def test_two_services_with_a_hundred_thousand_lines_each(world: World, form: str) -> None:
    """Nothing is lost, torn or out of order within a stream; a third process writes into the same pipe meanwhile."""
    names, count = ("one", "two"), 100_000
    for name in names:
        world.service(name)
    reader, writer = os.pipe()
    drain = Drain(reader)
    logger = world.start(form, stdout=writer, stderr=writer)
    ask(logger, b"add one\nadd two\n")
    # Lengths around the buffers' sizes, so that reads end in the middle of lines.
    program = "import sys; sys.stdout.write(''.join(f'{i} {i % 97 * chr(120)}\\n' for i in range(int(sys.argv[1]))))"
    writers = [
        subprocess.Popen(["python3", "-c", program, str(count // 2)], stdout=world.open(name, ending))
        for name in names
        for ending in ("out", "err")
    ]
    others = 0
    while any(one.poll() is None for one in writers):
        os.write(writer, b"*** my_init says something\n")
        others += 1
        select.select([], [], [], 0.001)
    os.close(writer)
    finish(logger)
    lines = drain.text().decode().splitlines()
    os.close(reader)
    assert lines.count("*** my_init says something") == others
    wanted = [f"{i} {i % 97 * 'x'}" for i in range(count // 2)]
    if form == "prefix":
        for name in names:
            mine = [line.removeprefix(f"[{name}] ") for line in lines if line.startswith(f"[{name}] ")]
            assert sorted(mine) == sorted(wanted * 2)
        return
    seen = [json.loads(line) for line in lines if line.startswith("{")]
    for name in names:
        for stream in ("stdout", "stderr"):
            assert [one["message"] for one in seen if (one["service"], one["stream"]) == (name, stream)] == wanted


def test_close_writes_what_is_left_and_says_no_more(world: World) -> None:
    world.service("web")
    logger = world.start()
    assert logger.stdout is not None
    ask(logger, b"add web\n")
    world.write("web", b"last words")
    ask(logger, b"close web\n")
    assert read_until(logger.stdout.fileno(), b"\n") == b"[web] last words\n"
    world.write("web", b"too late\n")
    # A second add, in two writes, finds what is still there.
    ask(logger, b"ad")
    ask(logger, b"d web\n")
    assert read_until(logger.stdout.fileno(), b"\n") == b"[web] too late\n"
    assert finish(logger) == (b"", b"")


def test_half_a_line_of_a_dead_process_is_shown_and_not_joined_to_the_next(world: World) -> None:
    world.service("web", pid=1)
    logger = world.start()
    assert logger.stdout is not None
    ask(logger, b"add web\n")
    world.write("web", b"half")
    until(lambda: not pending(world, "web"), "the logger reads")
    world.status("web", 2)
    world.write("web", b"other\nhalf again")
    assert read_until(logger.stdout.fileno(), b"other\n") == b"[web] half\n[web] other\n"
    world.status("web", 0, DOWN)
    assert read_until(logger.stdout.fileno(), b"\n") == b"[web] half again\n"
    finish(logger)


def pending(world: World, name: str) -> int:
    """Bytes that wait in the FIFO."""
    fd = os.open(world.state / "log" / f"{name}.out", os.O_RDONLY | os.O_NONBLOCK)
    try:
        return int.from_bytes(fcntl.ioctl(fd, 0x541B, bytes(4)), "little")  # FIONREAD
    finally:
        os.close(fd)


def test_a_stuck_reader_holds_it_up_and_costs_neither_memory_nor_lines(world: World) -> None:
    world.service("web")
    logger = world.start()
    assert logger.stdout is not None
    ask(logger, b"add web\n")
    fd = world.open("web")
    os.set_blocking(fd, False)
    line, written = b"x" * 63 + b"\n", 0
    status = Path(f"/proc/{logger.pid}/status")

    def full() -> bool:
        nonlocal written
        try:
            written += os.write(fd, line * 16)
        except BlockingIOError:
            return True
        return False

    until(lambda: full() and "State:\tS" in status.read_text() and full(), "pipe and FIFO are full")
    assert 60_000 < written < 300_000  # the FIFO, our pipe, and one batch on the way
    drain = Drain(logger.stdout.fileno())
    until(lambda: len(drain.data) == written // 64 * 70, "everything arrives once somebody reads")
    assert logger.stdin is not None
    logger.stdin.close()
    assert drain.text() == (b"[web] " + line) * (written // 64)
    assert logger.wait(SECONDS) == 0


def test_what_is_in_the_fifo_outlives_a_killed_logger(world: World) -> None:
    world.service("web")
    logger = world.start()
    assert logger.stdout is not None
    ask(logger, b"add web\n")
    world.write("web", b"one\n")
    assert read_until(logger.stdout.fileno(), b"\n") == b"[web] one\n"
    logger.kill()
    logger.wait(SECONDS)
    world.write("web", b"two\n")
    other = world.start()
    ask(other, b"add web\n")
    assert finish(other) == (b"[web] two\n", b"")


def test_requests_to_end_are_not_for_it(world: World) -> None:
    world.service("web")
    logger = world.start()
    assert logger.stdout is not None
    ask(logger, b"add web\n")
    world.write("web", b"one\n")
    read_until(logger.stdout.fileno(), b"\n")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        logger.send_signal(number)
    world.write("web", b"two\n")
    assert finish(logger) == (b"[web] two\n", b"")


def test_it_sleeps_while_nobody_prints(world: World) -> None:
    """Also when nobody but itself has the FIFO open: a hang-up would be told for ever."""
    world.service("web")
    world.let_go()
    logger = world.start()
    assert logger.stdout is not None
    ask(logger, b"add web\n")
    world.write("web", b"one\n")
    read_until(logger.stdout.fileno(), b"\n")
    world.let_go()
    status = Path(f"/proc/{logger.pid}/status")

    def switches() -> list[str]:
        return [line for line in status.read_text().splitlines() if "ctxt_switches" in line]

    until(lambda: "State:\tS" in status.read_text(), "it sleeps")
    before = switches()
    assert select.select([logger.stdout], [], [], 0.7)[0] == []
    assert switches() == before
    finish(logger)


def test_a_reader_that_went_away_does_not_block_the_service(world: World) -> None:
    world.service("web")
    logger = world.start()
    assert logger.stdout is not None
    logger.stdout.close()
    ask(logger, b"add web\n")
    subprocess.run(["cat"], input=b"x\n" * 500_000, stdout=world.open("web"), check=True, timeout=SECONDS)
    assert logger.stdin is not None
    logger.stdin.close()
    assert logger.wait(SECONDS) == 0


def test_a_log_that_somebody_made_non_blocking(world: World) -> None:
    world.service("web")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    logger = world.start(stdout=writer)
    os.close(writer)
    ask(logger, b"add web\n")
    feeder = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=world.open("web"))
    drain = Drain(reader)
    drain.go.clear()
    feed = threading.Thread(target=lambda: feeder.communicate(b"y" * 50 + b"\n" + b"x\n" * 200_000), daemon=True)
    feed.start()
    until(lambda: pending(world, "web") > 60_000, "it is stuck")
    drain.go.set()
    feed.join(SECONDS)
    finish(logger)
    assert drain.text() == b"[web] " + b"y" * 50 + b"\n" + b"[web] x\n" * 200_000
    os.close(reader)


@pytest.mark.parametrize("count", [10, 2_000, 20_000])
def test_the_last_64_kib_are_kept(world: World, count: int) -> None:
    world.service("web")
    logger = world.start()
    assert logger.stdout is not None
    ask(logger, b"add web\n")
    wanted = b"".join(b"[web] %06d %s\n" % (number, b"x" * 30) for number in range(count))
    drain = Drain(logger.stdout.fileno())
    source = b"".join(line.removeprefix(b"[web] ") for line in wanted.splitlines(True))
    subprocess.run(["cat"], input=source, stdout=world.open("web"), check=True, timeout=SECONDS)
    assert logger.stdin is not None
    logger.stdin.close()
    assert drain.text() == wanted
    assert logger.wait(SECONDS) == 0
    kept = log_ring.read(os.fsencode(world.state), b"web")
    assert wanted.endswith(kept)
    assert min(len(wanted), 65536 - 50) <= len(kept) <= 65536
    files = [world.state / "log" / f"web.{ending}" for ending in ("old", "log")]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files if file.exists()} == {0o640}
    assert sum(file.stat().st_size for file in files if file.exists()) <= 4 * 65536


def test_wrong_arguments(tools: Any) -> None:
    done = tools.run("logger", "yaml", "/nowhere")
    assert done.returncode == 2
    assert b"prefix|json" in done.stderr
