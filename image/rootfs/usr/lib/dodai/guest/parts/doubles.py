"""Services whose runsv was killed: the instance it left has to end before another is started."""

import time

from guest.mechanism import processes, reap, signals
from guest.parts import service

_SECONDS = 5.0  # between TERM and KILL


class Doubles:
    """The instances that nobody supervises, by the name of their service."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: dict[bytes, tuple[list[int], float]] = {}

    def take(self, one: "service.Service") -> bool:
        """Ask the instance that a dead runsv has left to end; False when it has left none.

        What runsv had below it has become our child, so its end comes as a signal.
        """
        status = one.supervisor.status()
        among = processes.parents()
        left = [pid for pid in (status.pid if status is not None else 0, one.supervisor.logger_pid()) if pid in among]
        if not left:
            return False
        for pid in left:
            reap.register(pid)
            processes.ask_to_end(pid)
        self._left[one.name] = (left, time.monotonic() + _SECONDS)
        return True

    def names(self) -> set[bytes]:
        """The services that wait."""
        return set(self._left)

    def ended(self) -> list[bytes]:
        """The services whose left instance has ended since the last look; those past their time are killed."""
        done = []
        for name, (left, deadline) in list(self._left.items()):
            alive = [pid for pid in left if reap.lives(pid)]
            if not alive:
                for pid in left:
                    reap.forget(pid)
                del self._left[name]
                done.append(name)
            elif time.monotonic() >= deadline:
                for pid in alive:
                    processes.signal(pid, signals.KILL)
        return done

    def ask_to_end(self) -> None:
        """The container stops."""
        for left, _ in self._left.values():
            for pid in left:
                processes.ask_to_end(pid)
