"""D1 to D4, B13: what can go wrong between a service, its runsv and PID 1."""

import os
import signal

from tests.process.world import LOOP, Container, World, until


def state_of(container: Container, name: str) -> str:
    """What PID 1 thinks of a service; empty before it does."""
    return container.policy(name).get("state", "")


def status_pid(container: Container, name: str) -> int:
    """The pid that runsv has written last, as the container numbers it: the service's or its finish's; 0 for none."""
    status = container.root / "run/dodai/service" / name / "supervise/status"
    return int.from_bytes(status.read_bytes()[12:16], "little")


def runsv_of(container: Container, name: str) -> str:
    """The pid of a service's supervisor, as the container numbers it."""
    return container.call("pgrep", "-f", f"^runsv .*/service/{name}$").split()[0]


def test_a_runsv_killed_while_its_finish_waits(world: World) -> None:
    """PID 1 hears of the end of the service and of the end of its runsv in one moment."""
    world.service("s", "echo start; until [ -e /go ]; do sleep 0.01; done; rm /go; exit 1")
    world.service("other", f'trap "echo asked; exit 0" TERM; {LOOP}')
    with world.start() as container:
        until(lambda: state_of(container, "s") == state_of(container, "other") == "ready", "both")
        run, runsv = status_pid(container, "s"), runsv_of(container, "s")
        os.kill(container.pid, signal.SIGSTOP)
        (container.root / "go").touch()
        until(lambda: status_pid(container, "s") not in (0, run), "finish")
        finish = container.root / f"proc/{status_pid(container, 's')}"
        # It opens descriptor 3, tells PID 1, and sleeps.
        until(lambda: "3" in os.listdir(finish / "fd") and ") S " in (finish / "stat").read_text(), "word to PID 1")
        container.call("kill", "-9", runsv)
        os.kill(container.pid, signal.SIGCONT)
        until(lambda: container.out.count(b"start") == 2, "next start", lambda: container.err)
        until(lambda: state_of(container, "s") == "ready", "next instance")
        assert b"asked" not in container.out, "somebody else's service was ended"
