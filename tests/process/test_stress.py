"""B1, B2, B3: many starts that are stopped at a random moment, many orphans at once.

The counts are small by default; DODAI_TEST_STARTS=1000 and DODAI_TEST_ORPHANS=100000 are the real thing.
"""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.process.world import LOOP, World, until

STARTS = int(os.environ.get("DODAI_TEST_STARTS", "60"))
ORPHANS = int(os.environ.get("DODAI_TEST_ORPHANS", "3000"))
BUDGET = 8.0

# Starts my_init in namespaces of its own, four at a time; sends TERM at a random moment of the first half second after
# the launcher's first statement, which blocks it; writes [moment, seconds to the end, exit code] of each. A code of None:
# it had to be killed.
DRIVER = """#!/usr/bin/python3
import concurrent.futures, json, os, random, signal, subprocess, sys, time

ENTER = 'mount -t tmpfs x /run; mount -t tmpfs x /tmp; exec my_init --quiet "$@"'

def blocked(pid):
    # unshare blocks TERM too, for a moment
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    return fields["Name"].strip() == "my_init" and int(fields["SigBlk"], 16) >> (signal.SIGTERM - 1) & 1

def one(number):
    words = ["--", "/command"] if number % 2 else []
    outer = subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", ENTER, "sh", *words]
    )
    children = f"/proc/{outer.pid}/task/{outer.pid}/children"
    while not (found := open(children).read().split()):
        time.sleep(0.0005)
    init = int(found[0])
    while not blocked(init):
        time.sleep(0.0005)
    moment = random.uniform(0, 0.5)
    time.sleep(moment)
    os.kill(init, signal.SIGTERM)
    before = time.monotonic()
    try:
        code = outer.wait(timeout=20)
    except subprocess.TimeoutExpired:
        outer.kill()
        code = None
    return moment, time.monotonic() - before, code

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(json.dumps(list(pool.map(one, range(int(sys.argv[1]))))))
"""


def test_a_stop_at_a_random_moment_of_the_first_half_second(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.process.world.DEADLINE", 30.0 + STARTS)
    world.file("/driver", DRIVER, 0o755)
    world.script("/command", "exec sleep 1000")
    world.script("/etc/my_init.d/10", "sleep 0.05 & sleep 0.03")
    world.script("/etc/my_init.d/20", f"(trap 'exit 0' TERM; {LOOP}) & true")
    world.service("a", "exec sleep 1000")
    world.service("b", "sleep 0.1; exec sleep 1000")
    world.service("c", f"trap 'exit 0' TERM; {LOOP}")
    world.script("/etc/my_init.pre_shutdown.d/10", "true")
    world.script("/etc/my_init.post_shutdown.d/10", "true")
    result = world.run("--skip-runit", "--skip-startup-files", "--", "/driver", str(STARTS))
    runs = json.loads(result.stdout)
    wrong = [run for number, run in enumerate(runs) if run[2] != (143 if number % 2 else 0)]
    slowest = max(seconds for _, seconds, _ in runs)
    print(f"{len(runs)} starts: slowest stop {slowest:.2f} s")
    assert len(runs) == STARTS
    assert not wrong, f"{wrong}\n{result.stderr}"
    assert slowest < BUDGET + 0.5


# A process that makes children and ends before they do: they all become PID 1's at once, and then end at once.
ORPHAN_MAKER = """#!/usr/bin/python3 -IS
import os, sys
left = int(sys.argv[1])
while left:
    batch = min(left, 500)
    left -= batch
    reader, writer = os.pipe()
    maker = os.fork()
    if maker == 0:
        for _ in range(batch):
            if os.fork() == 0:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)
        os._exit(0)
    os.close(reader)
    os.waitpid(maker, 0)
    os.close(writer)
"""
PHASES = ["/etc/my_init.d/10", "/etc/service/s/run", "/command", "/etc/my_init.pre_shutdown.d/10"]


@pytest.mark.parametrize("path", PHASES)
def test_many_orphans_leave_neither_zombies_nor_memory(world: World, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.process.world.DEADLINE", 30.0 + ORPHANS / 500)
    world.file("/orphans", ORPHAN_MAKER, 0o755)
    world.script("/command", "exec sleep 1000")
    world.script(path, f"[ -e /made ] || {{ /orphans 500; touch /first; /orphans {ORPHANS}; touch /made; }}; exec sleep 1000")
    with world.start("--", "/command", environment={"MY_INIT_STOP_BUDGET": "1000"}) as container:
        if "pre_shutdown" in path:
            until(lambda: "S" in container.states(), "command")
            container.kill(signal.SIGTERM)
        until((container.root / "first").exists, "first orphans", lambda: container.err)
        before = resident(container.pid)
        until((container.root / "made").exists, "all orphans", lambda: container.err)
        until(lambda: "Z" not in container.states(), "end of all zombies")
        grown = resident(container.pid) - before
        print(f"{ORPHANS} orphans: {processor_seconds(container.pid):.2f} s of CPU, {grown} KiB grown")
        assert grown < 300
        # A few microseconds each: an orphan is reaped, and nothing is looked at because of it.
        assert processor_seconds(container.pid) < 0.2 + ORPHANS * 5e-5


def resident(pid: int) -> int:
    """KiB of memory (proc(5), VmRSS)."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0])


def processor_seconds(pid: int) -> float:
    """What a process has used of a CPU, user and system (proc(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
