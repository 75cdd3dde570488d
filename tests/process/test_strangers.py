"""B2, B3, B8: the stop of processes that are not services, do not listen, or belong to somebody else."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.world import LOOP, Container, World, until

BUDGET = {"MY_INIT_STOP_BUDGET": "2"}


@contextmanager
def as_by_exec(container: Container, script: str, *through: str) -> Iterator[subprocess.Popen[bytes]]:
    """A shell in the container that is not a descendant of its PID 1, as `docker exec` starts it."""
    until(lambda: (container.root / "run/dodai/service").exists(), "my_init")
    with (container.scratch / "out").open("ab") as out:
        process = subprocess.Popen([*container.entering(), *through, "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stop_within(container: Container, seconds: float) -> tuple[int, str]:
    before = time.monotonic()
    result = container.stop()
    assert time.monotonic() - before < seconds, result
    return result.code, result.stderr


@pytest.mark.root  # nsenter
def test_what_exec_started_is_asked_to_end(world: World) -> None:
    with world.start() as container, as_by_exec(container, f"trap 'echo asked; exit 0' TERM; echo up; {LOOP}"):
        container.wait_for(b"up")
        assert stop_within(container, 1)[0] == 0
        assert b"asked" in container.out


@pytest.mark.root
def test_what_exec_started_and_does_not_listen_is_killed_and_named(world: World) -> None:
    with world.start(environment=BUDGET) as container, as_by_exec(container, f"trap '' TERM; echo up; {LOOP}"):
        container.wait_for(b"up")
        code, err = stop_within(container, 2.5)
    assert code == 0
    assert "other processes did not end in time; they are killed" in err
    assert "(sh)" in err


@pytest.mark.root
def test_a_suspended_stranger_is_continued_and_asked(world: World) -> None:
    world.script("/suspended", f"trap 'echo asked; exit 0' TERM; echo up; kill -STOP $$; {LOOP}")
    with world.start() as container, as_by_exec(container, "/suspended & wait"):
        until(lambda: "T" in container.states(), "stopped process")
        assert stop_within(container, 1)[0] == 0
        assert b"asked" in container.out


@pytest.mark.parametrize("who", ["service", "orphan", "command"])
def test_a_suspended_process_that_ignores_term_is_killed(world: World, who: str) -> None:
    stubborn = f"trap '' TERM; echo up; kill -STOP $$; {LOOP}"
    world.script("/stubborn", stubborn)
    world.script("/idle", "exec sleep 1000")
    if who == "service":
        world.service("s", "exec /stubborn")
    if who == "orphan":
        world.script("/etc/my_init.d/10", "/stubborn &")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    with world.start("--", "/stubborn" if who == "command" else "/idle", environment=BUDGET) as container:
        until(lambda: "T" in container.states(), "stopped process")
        code, err = stop_within(container, 2.5)
        assert container.out.split() == [b"up", b"post"]
    assert code == (137 if who == "command" else 143), "the command's own end; my_init was not killed"
    assert "killed" in err


def test_a_process_that_forks_and_forks_is_caught(world: World) -> None:
    """Each generation ignores TERM and is gone before a list of processes can be worked through."""
    world.script("/hydra", 'trap "" TERM; [ -e /dead ] && exit; sleep 0.005; "$0" & exit')
    world.script("/etc/my_init.d/10", "/hydra & echo up")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    with world.start(environment=BUDGET) as container:
        container.wait_for(b"up")
        assert stop_within(container, 2.5)[0] == 0
        assert container.out.split() == [b"up", b"post"]


AS_SOMEBODY = "setpriv --reuid 4321 --clear-groups --inh-caps=-all"


@pytest.mark.root  # other uids
def test_without_cap_kill_other_users_processes_are_asked_all_the_same(world: World) -> None:
    """As with `docker run --cap-drop KILL`: a child takes their uid first."""
    world.script("/asked", f"trap 'echo asked; exit 0' TERM; echo up; {LOOP}")
    world.script("/etc/my_init.d/10", f"{AS_SOMEBODY} /asked &")
    with world.start(through=["setpriv", "--bounding-set=-kill"]) as container:
        container.wait_for(b"up")
        code, err = stop_within(container, 1)
        assert b"asked" in container.out
    assert code == 0
    assert "may not signal" not in err


@pytest.mark.root
def test_without_cap_kill_the_commands_group_of_another_user_gets_its_signals(world: World) -> None:
    world.script("/member", f"trap 'echo usr1' USR1; trap 'echo asked; exit 0' TERM; echo up; {LOOP}")
    world.script("/command", f"trap true USR1; trap 'exit 7' TERM; {AS_SOMEBODY} /member & {LOOP}")
    with world.start("--", "/command", through=["setpriv", "--bounding-set=-kill"]) as container:
        container.wait_for(b"up")
        container.kill(signal.SIGUSR1)
        container.wait_for(b"usr1")
        assert stop_within(container, 1)[0] == 7
        assert b"asked" in container.out


@pytest.mark.root
def test_who_cannot_be_signalled_at_all_is_named_once_and_not_waited_for(world: World) -> None:
    """As with --cap-drop ALL and `docker exec --user`: neither CAP_KILL nor CAP_SETUID."""
    with world.start(through=["setpriv", "--bounding-set=-kill,-setuid"]) as container:
        both = f"trap 'echo asked' TERM; echo up; {LOOP}"
        with as_by_exec(container, both, *AS_SOMEBODY.split()), as_by_exec(container, both, *AS_SOMEBODY.split()):
            until(lambda: container.out.count(b"up") == 2, "both")
            code, err = stop_within(container, 1)
    assert code == 0
    assert err.count("my_init may not signal processes of uid 4321") == 1
    assert "--cap-add KILL" in err
    assert b"asked" not in container.out


@pytest.mark.root
def test_without_cap_kill_a_service_of_another_user_is_asked_too(world: World) -> None:
    """runsv lacks the capability as well, so its TERM reaches nobody."""
    world.script("/asked", f"trap 'echo asked; exit 0' TERM; echo up; {LOOP}")
    world.service("s", f"exec {AS_SOMEBODY} /asked")
    with world.start(through=["setpriv", "--bounding-set=-kill"]) as container:
        container.wait_for(b"up")
        code, err = stop_within(container, 1)
        assert b"asked" in container.out
    assert code == 0
    assert "did not stop in time" not in err


FREEZER = Path("/sys/fs/cgroup/freezer")


@pytest.mark.root
def test_who_cannot_even_be_killed_is_named_before_the_end(world: World) -> None:
    """A frozen process of cgroup v1 is in state D and takes no SIGKILL, as one that waits for a dead disk."""
    if not (FREEZER / "cgroup.procs").exists():
        FREEZER.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "cgroup", "-o", "freezer", "freezer", FREEZER], check=True)
    world.script("/etc/my_init.d/10", "sleep 1000 & echo up")
    group = FREEZER / f"dodai-test-{os.getpid()}"
    group.mkdir()
    try:
        with world.start(environment=BUDGET) as container:
            container.wait_for(b"up")
            sleeper = container.enter("pgrep", "-x", "sleep").stdout.decode().strip()
            outside = next(pid for pid in container.pids() if Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
            (group / "cgroup.procs").write_text(str(outside))
            (group / "freezer.state").write_text("FROZEN")
            until(lambda: (group / "freezer.state").read_text() == "FROZEN\n", "frozen process")
            before = time.monotonic()
            container.kill(signal.SIGTERM)
            until(lambda: f"{sleeper} (sleep) cannot be ended now" in container.err, "its name", lambda: container.err)
            assert time.monotonic() - before < 2.5
            (group / "freezer.state").write_text("THAWED")
            assert container.result().code == 0
    finally:
        (group / "freezer.state").write_text("THAWED")
        until(lambda: not (group / "cgroup.procs").read_text(), "empty group")
        group.rmdir()


@pytest.mark.parametrize("which", ["pre", "post"])
def test_many_hooks_that_hang_keep_the_budget_and_each_gets_its_turn(world: World, which: str) -> None:
    for number in range(20):
        world.script(f"/etc/my_init.{which}_shutdown.d/{number:02}", f"trap '' TERM; echo {number}; {LOOP}")
    with world.start(environment=BUDGET) as container:
        until((container.root / "run/dodai/service").exists, "my_init")
        code, _ = stop_within(container, 2.5)
        assert [int(word) for word in container.out.split()] == list(range(20))
    assert code == 0


def test_no_budget_at_all_is_a_quick_stop_with_the_right_code(world: World) -> None:
    world.service("s", f"trap '' TERM; echo up; {LOOP}")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    with world.start(environment={"MY_INIT_STOP_BUDGET": "0"}) as container:
        container.wait_for(b"up")
        assert stop_within(container, 0.5)[0] == 0
        assert b"post" in container.out


def test_a_reader_that_stops_reading_stops_neither_reaping_nor_the_stop(world: World) -> None:
    """The pipe behind stdout and stderr is full before the stop begins; messages of my_init are lost, nothing else."""
    world.service("s", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done")
    world.service("t", "i=0; while [ $i -lt 50 ]; do (true &); i=$((i+1)); done; touch /made; exec sleep 1000")
    world.script("/etc/my_init.post_shutdown.d/10", "touch /post; sleep 0.2")
    reader, writer = os.pipe()
    try:
        with world.start(stdio=writer, environment={**BUDGET, "MY_INIT_VERBOSITY": "2"}) as container:
            until(lambda: (container.root / "made").exists() and "Z" not in container.states(), "reaped orphans")
            container.kill(signal.SIGTERM)
            until((container.root / "post").exists, "post hook")
            assert stop_within(container, 2.5)[0] == 0
    finally:
        os.close(reader)
        os.close(writer)
