"""B13: a system call of PID 1 that fails once, anywhere between its first statement and its exit.

strace attaches from outside and lets the n-th call fail. Whatever it was: the container ends within its budget, with the
command's code or with the one of an init that failed, and every word of my_init is a line for people.
"""

import collections
import os
import random
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.world import Container, World, until

# How many places of each call are tried, spread over the whole life; 0: every one (minutes).
PLACES = int(os.environ.get("DODAI_TEST_FAULTS", "3"))
BUDGET = 4

# What PID 1 asks the kernel for, and how that fails where it does in practice: no more processes or memory, too many
# open files, a full disk, a signal in between, a right that was taken.
FAULTS = [
    ("clone3", "EAGAIN"),
    ("clone3", "ENOMEM"),
    ("wait4", "EINTR"),
    ("wait4", "ENOMEM"),
    ("rt_sigtimedwait", "EAGAIN"),
    ("rt_sigtimedwait", "EINTR"),
    ("rt_sigtimedwait", "ENOMEM"),
    ("openat", "EMFILE"),
    ("openat", "EACCES"),
    ("read", "EIO"),
    ("write", "ENOSPC"),
    ("write", "EINTR"),
    ("rename", "ENOSPC"),
    ("mkdir", "ENOSPC"),
    ("symlink", "ENOSPC"),
    ("getdents64", "ENOMEM"),
    ("newfstatat", "ENOMEM"),
    ("fcntl", "EINVAL"),
    ("kill", "EPERM"),
    ("kill", "EAGAIN"),
    ("fchmod", "EPERM"),
]

HOLD = ["sh", "-c", 'mkfifo /run/hold; read -r go </run/hold; exec "$@"', "sh"]


def a_life(world: World) -> None:
    """Every phase, with something to do in each."""
    world.service("s", "exec sleep 1000")
    world.service("t", "exec sleep 1000", finish="#!/bin/sh\nexit 0")
    world.script("/etc/my_init.d/10", "(true &)")
    world.script("/etc/my_init.pre_shutdown.d/10", "echo pre")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    world.script("/command", "(true &); sleep 0.02; exit 7")


@contextmanager
def traced(world: World, *options: str) -> Iterator[tuple[Container, Path]]:
    """A life whose PID 1 is under strace from before its first instruction; the trace goes to the path."""
    trace = world.scratch / "trace"
    with world.start("--", "/command", through=HOLD, environment={"MY_INIT_STOP_BUDGET": str(BUDGET)}) as container:
        hold = container.root / "run/hold"
        until(hold.exists, "FIFO")
        strace = subprocess.Popen(
            ["strace", "-o", trace, "-p", str(container.pid), *options], stderr=subprocess.PIPE, text=True
        )
        assert strace.stderr is not None
        assert "attached" in strace.stderr.readline()
        hold.write_text("go\n")
        try:
            yield container, trace
        finally:
            strace.kill()
            strace.wait()
            strace.stderr.close()


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """Of each call: how many come before my_init's first statement, and how many there are in a whole life."""
    world = World(tmp_path_factory.mktemp("calls"))
    a_life(world)
    with traced(world) as (container, trace):
        assert container.result().code == 7
    counts: collections.Counter[str] = collections.Counter()
    before: dict[str, int] = {}
    for line in trace.read_text(errors="replace").splitlines():
        if '"/proc/self/fd"' in line:  # inherited.close_descriptors, the first thing that main does
            before = before or dict(counts)
        if name := re.match(r"\w+(?=\()", line):
            counts[name[0]] += 1
    assert before
    return {name: (before.get(name, 0), total) for name, total in counts.items()}


@pytest.mark.root  # strace on a process of another user namespace
@pytest.mark.parametrize(("call", "error"), FAULTS)
def test_a_call_that_fails_once(
    tmp_path_factory: pytest.TempPathFactory, calls: dict[str, tuple[int, int]], call: str, error: str
) -> None:
    first, last = calls[call][0] + 1, calls[call][1]
    places = list(range(first, last + 1))
    if PLACES and len(places) > PLACES:
        places = sorted(random.sample(places, PLACES))
    for place in places:
        world = World(tmp_path_factory.mktemp("fault"))
        a_life(world)
        inject = f"inject={call}:error={error}:when={place}"
        with traced(world, "-e", f"trace={call}", "-e", inject) as (container, trace):
            before = time.monotonic()
            result = container.result()
            seconds = time.monotonic() - before
        seen = [line for line in trace.read_text(errors="replace").splitlines() if "INJECTED" in line]
        told = f"{inject}: {seen}\n{result}"
        assert seconds < BUDGET + 1.5, told
        assert result.code in (7, 70, 126), told
        strange = [line for line in result.stderr.splitlines() if not line.startswith(("*** ", "runsv "))]
        assert not strange, told
        if "running" in result.stderr:  # else it ended before there was anything to stop in order
            for hook in (b"pre", b"post"):
                assert hook in result.stdout.split() or f"{hook.decode()}_shutdown.d:" in result.stderr, told
