"""Services whose runsv was killed: the instance it left has to end before another is started."""

import time

from guest.mechanism import processes, reap, signals
from guest.parts import service

_SECONDS = 5.0  # between TERM and KILL
_LAST_SECONDS = 1.0  # after KILL: whoever is there still is out of reach
_SHORT_SECONDS = 1.0  # a runsv that lived for less is not replaced at once: the next would hardly live longer
_LOOK_SECONDS = 0.1


class _Left:
    """What one dead runsv has left. Times are monotonic seconds; before `earliest` no other may start."""

    __slots__ = ("deadline", "earliest", "pids")

    def __init__(self, pids: set[int], deadline: float, earliest: float) -> None:
        self.pids = pids
        self.deadline = deadline
        self.earliest = earliest


class Doubles:
    """The instances that nobody supervises, by the name of their service."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left: dict[bytes, _Left] = {}

    def take(self, one: "service.Service") -> bool:
        """Ask the instance that a dead runsv has left to end; False when nothing is to be waited for.

        All of its session and all below the instance and the logger; what had left both cannot be told from others' any more.
        """
        above, session = processes.parents_and_sessions()
        status = one.supervisor.status()
        roots = {status.pid if status is not None else 0, one.supervisor.logger_pid()} & above.keys()
        pids = {pid for pid, leader in session.items() if leader == one.supervisor.pid} | roots
        for pid in roots:
            pids.update(processes.descendants(pid, above))
            reap.register(pid)  # it is our child now, so its end comes as a signal
        now = time.monotonic()
        earliest = now if now - one.supervisor.started >= _SHORT_SECONDS else now + _SHORT_SECONDS
        if not pids and earliest <= now:
            return False
        for pid in pids:
            processes.ask_to_end(pid)
        self._left[one.name] = _Left(pids, now + _SECONDS, earliest)
        return True

    def names(self) -> set[bytes]:
        """The services that wait."""
        return set(self._left)

    def ended(self) -> list[bytes]:
        """The services whose left instance has ended since the last look; those past their time are killed."""
        if not self._left:
            return []
        done = []
        now = time.monotonic()
        living = processes.parents().keys()
        for name, left in list(self._left.items()):
            alive = left.pids & living
            if now >= left.earliest and (not alive or now >= left.deadline + _LAST_SECONDS):
                for pid in left.pids:
                    reap.forget(pid)
                del self._left[name]
                done.append(name)
            elif now >= left.deadline:
                for pid in alive:
                    processes.signal(pid, signals.KILL)
        return done

    def due(self) -> float:
        """When to ask again though nothing is heard (monotonic seconds, infinite for never)."""
        return time.monotonic() + _LOOK_SECONDS if self._left else float("inf")

    def ask_to_end(self) -> None:
        """The container stops."""
        for left in self._left.values():
            for pid in left.pids:
                processes.ask_to_end(pid)
