"""What the kernel tells of the init's own processes: all of the container but the services' programs."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from bench import container

PROC = Path("/proc")
ZOMBIE_PAUSE = 0.01  # seconds between two looks


def own(pid: int) -> list[int]:
    """The init and everything below it that is no service."""
    return [one for one in _tree(pid) if _comm(one) != container.SERVICE_COMM]


def services(pid: int) -> list[int]:
    """The services' programs below an init."""
    return [one for one in _tree(pid) if _comm(one) == container.SERVICE_COMM]


def pss(pid: int) -> float:
    """Proportional set size of the init's own processes, in MiB (smaps_rollup, proc(5))."""
    total = 0
    for one in own(pid):
        with contextlib.suppress(OSError):
            for line in (PROC / str(one) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def wake_ups(pid: int) -> int:
    """How often the init's own processes, all their threads, have gone to sleep of their own will so far."""
    total = 0
    for one in own(pid):
        with contextlib.suppress(OSError):
            for thread in (PROC / str(one) / "task").iterdir():
                for line in (thread / "status").read_text().splitlines():
                    if line.startswith("voluntary_ctxt_switches:"):
                        total += int(line.split()[1])
    return total


def cpu_seconds(processes: list[int]) -> float:
    """Time on a processor of some processes (schedstat, in nanoseconds)."""
    total = 0
    for one in processes:
        with contextlib.suppress(OSError):
            for thread in (PROC / str(one) / "task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


class ZombieWatch:
    """Counts the zombies below the init's own processes again and again; `most` is the largest number seen."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._own = own(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ZombieWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(ZOMBIE_PAUSE):
            self.most = max(self.most, zombies(self._own))


def zombies(parents: list[int]) -> int:
    """How many children of these processes have ended and were not collected."""
    return sum(_state(child) == "Z" for parent in parents for child in _children(parent))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        found += _children(one)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(PROC / str(pid) / "task"):
            with contextlib.suppress(OSError):
                found += map(int, (PROC / str(pid) / "task" / thread / "children").read_text().split())
    return found


def _comm(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "comm").read_text().strip()
    return ""


def _state(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    return ""
