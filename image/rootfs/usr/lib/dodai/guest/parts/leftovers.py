"""What a service that failed or was killed has left running: found, asked to end, killed in time (promise D4).

Everything below its runsv, which adopts the service's orphans, and in runsv's session; but not the
`finish` that waits for this, nor the service's logger. After an exit with 0 nobody looks: there are
images whose run starts a daemon and ends on purpose.
"""

import time

from guest.floor import say
from guest.mechanism import processes, signals

SECONDS = 5.0  # between TERM and KILL
_LAST_SECONDS = 1.0  # after KILL: whoever is there still is out of reach
# They are not our children, so no signal tells of their end; most end at once.
_LOOK_FIRST, _LOOK_LAST = 0.02, 0.25


class Leftovers:
    """The processes one service has left. Times are monotonic seconds."""

    __slots__ = ("_deadline", "_keep", "_look", "_name", "_pause", "_runsv")

    def __init__(self, name: bytes, runsv: int, keep: set[int]) -> None:
        """name: the service's; keep: the finish and the logger, with everything below them."""
        self._name = name
        self._runsv = runsv
        self._keep = keep
        now = time.monotonic()
        self._deadline = now + SECONDS
        self._pause = _LOOK_FIRST
        left = self.pids()
        for pid in left:
            processes.ask_to_end(pid)
        self._look = now + _LOOK_FIRST if left else now

    def pids(self) -> list[int]:
        """Who is there still."""
        above, session = processes.parents_and_sessions()
        kept = set(self._keep)
        for pid in self._keep:
            kept.update(processes.descendants(pid, above))
        found = set(processes.descendants(self._runsv, above))
        found.update(pid for pid, leader in session.items() if leader == self._runsv)
        return sorted(found - kept - {self._runsv})

    def gone(self) -> bool:
        """Whether none is to be waited for any more; those past their time are killed."""
        now = time.monotonic()
        if now < self._look:
            return False
        left = self.pids()
        self._pause = min(_LOOK_LAST, 2 * self._pause)
        self._look = now + self._pause
        if left and now >= self._deadline + _LAST_SECONDS:
            names = ", ".join(f"{pid} ({processes.command_name(pid)})" for pid in left[:8])
            say.error(
                f"service '{say.shown(self._name)}' is started again beside what it has left and cannot be killed: {names}"
            )
            return True
        if left and now >= self._deadline:
            for pid in left:
                processes.signal(pid, signals.KILL)
        return not left

    def due(self) -> float:
        """When to ask again."""
        return self._look
