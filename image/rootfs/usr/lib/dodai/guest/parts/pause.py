"""What lies between the end of a failed service and its next start: leftovers end, and a pause passes (promise D4).

The service's `finish` waits meanwhile, so for runit nothing special happens: `sv` shows "finish", and
whatever somebody tells runsv during the pause ends it.
"""

import time

from guest.mechanism import processes
from guest.parts import home, leftovers, supervisor

NEVER = float("inf")
_LOOK_SECONDS = 0.02  # until runsv has written of the finish


class Pause:
    """The pause of one end. All times are monotonic seconds."""

    __slots__ = ("_baseline", "_finish", "_leftovers", "_supervisor", "_until")

    def __init__(self, supervised: supervisor.Supervisor, finish: int) -> None:
        """finish: its pid; it and the service's logger are no leftovers."""
        self._supervisor = supervised
        self._finish = finish
        self._until = 0.0
        self._baseline = 0  # the identity of runsv's status when the pause began
        keep = {finish, supervised.logger_pid()} - {0}
        self._leftovers: leftovers.Leftovers | None = leftovers.Leftovers(supervised.definition.name, supervised.pid, keep)

    def last(self, seconds: float) -> None:
        """Let it last so long from now on."""
        self._until = time.monotonic() + seconds

    def over(self) -> bool:
        """Whether it is over; then the finish has been told to go on."""
        if self._leftovers is not None:
            if not self._leftovers.gone():
                return False
            self._leftovers = None
        if time.monotonic() < self._until and not self._touched():
            return False
        home.release(self._supervisor.home)
        return True

    def due(self) -> float:
        """When to look again though nothing is heard."""
        if self._leftovers is not None:
            return self._leftovers.due()
        return self._until if self._baseline else time.monotonic() + _LOOK_SECONDS

    def _touched(self) -> bool:
        """Whether somebody has spoken to runsv meanwhile: it has written its status anew, or the finish is gone."""
        if not self._baseline:
            status = self._supervisor.status()
            if status is None or status.pid != self._finish:
                return not processes.signal(self._finish, 0)
            # Only now has runsv written of the finish itself; what it writes from here on is somebody's wish.
            self._baseline = self._supervisor.status_identity()
        return self._supervisor.status_identity() != self._baseline
