"""Services whose runsv was killed: the instance it left has to end before another is started."""

import time

from guest.mechanism import processes, reap, signals
from guest.parts import service

_SECONDS = 5.0  # between TERM and KILL
_SHORT_SECONDS = 1.0  # a runsv that lived for less is not replaced at once: the next would hardly live longer


class Doubles:
    """The instances that nobody supervises, by the name of their service."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        # name → the pids, when they are killed, and when the next runsv may start (monotonic seconds).
        self._left: dict[bytes, tuple[list[int], float, float]] = {}

    def take(self, one: "service.Service") -> bool:
        """Ask the instance that a dead runsv has left to end; False when nothing is to be waited for.

        What runsv had below it has become our child, so its end comes as a signal.
        """
        status = one.supervisor.status()
        among = processes.parents()
        left = [pid for pid in (status.pid if status is not None else 0, one.supervisor.logger_pid()) if pid in among]
        now = time.monotonic()
        earliest = now if now - one.supervisor.started >= _SHORT_SECONDS else now + _SHORT_SECONDS
        if not left and earliest <= now:
            return False
        for pid in left:
            reap.register(pid)
            processes.ask_to_end(pid)
        self._left[one.name] = (left, now + _SECONDS, earliest)
        return True

    def names(self) -> set[bytes]:
        """The services that wait."""
        return set(self._left)

    def ended(self) -> list[bytes]:
        """The services whose left instance has ended since the last look; those past their time are killed."""
        done = []
        now = time.monotonic()
        for name, (left, deadline, earliest) in list(self._left.items()):
            alive = [pid for pid in left if reap.lives(pid)]
            if not alive and now >= earliest:
                for pid in left:
                    reap.forget(pid)
                del self._left[name]
                done.append(name)
            elif now >= deadline:
                for pid in alive:
                    processes.signal(pid, signals.KILL)
        return done

    def ask_to_end(self) -> None:
        """The container stops."""
        for left, _, _ in self._left.values():
            for pid in left:
                processes.ask_to_end(pid)
