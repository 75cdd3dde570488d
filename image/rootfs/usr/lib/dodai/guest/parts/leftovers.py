"""What a service that failed or was killed has left running: found, asked to end, killed in time (promise D4).

Everything below its runsv, which adopts the service's orphans, and in runsv's session; but not the
`finish` that waits for this, nor the service's logger. After an exit with 0 nobody looks: there are
images whose run starts a daemon and ends on purpose.
"""

import time

from guest.mechanism import processes, signals

SECONDS = 5.0  # between TERM and KILL
LOOK_SECONDS = 0.02  # they are not our children, so no signal tells of their end


class Leftovers:
    """The processes one service has left."""

    __slots__ = ("_deadline", "_keep", "_runsv")

    def __init__(self, runsv: int, keep: set[int]) -> None:
        """keep: the finish and the logger, with everything below them."""
        self._runsv = runsv
        self._keep = keep
        for pid in self.pids():
            processes.ask_to_end(pid)
        self._deadline = time.monotonic() + SECONDS

    def pids(self) -> list[int]:
        """Who is there still."""
        among = processes.parents()
        kept = set(self._keep)
        for pid in self._keep:
            kept.update(processes.descendants(pid, among))
        found = set(processes.descendants(self._runsv, among))
        found.update(pid for pid, session in processes.sessions().items() if session == self._runsv and pid in among)
        return sorted(found - kept - {self._runsv})

    def gone(self) -> bool:
        """Whether none is left; those past their time are killed."""
        left = self.pids()
        if left and time.monotonic() >= self._deadline:
            for pid in left:
                processes.signal(pid, signals.KILL)
        return not left
