"""Issue 3, speed: an idle init sleeps. Whatever wakes it without a reason would do so for years."""

import time
from pathlib import Path

import pytest

from tests.process.world import World, until

SERVICES: dict[str, dict[str, str]] = {
    "plain": {},
    "with a logger": {"log/run": "#!/bin/sh\nexec cat"},
    "that says it on a descriptor": {"notification-fd": "3"},
    "that says it to a socket": {"notify": ""},
    "critical": {"critical": ""},
}
WINDOW = 1.0  # seconds of watching


def switches(pid: int) -> int:
    """How often a process has gone to sleep and come back, and lost its processor to another (proc(5))."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)


@pytest.mark.parametrize("service", SERVICES)
def test_an_idle_init_does_not_wake_up(world: World, service: str) -> None:
    world.service("s", "touch /up; { echo >&3; } 2>/dev/null; exec sleep 1000", **SERVICES[service])
    with world.start() as container:
        until((container.root / "up").exists, "service")
        seen: list[int] = []

        def quiet() -> bool:
            """Two looks, WINDOW apart, at a process that has done nothing between them."""
            seen.append(switches(container.pid))
            time.sleep(WINDOW)
            return switches(container.pid) == seen[-1]

        until(quiet, "second without a wake-up", lambda: f"switches: {seen}")
        assert len(seen) < 4, "it wakes up again and again"
