"""The `check` of a service, run from time to time: every second until it succeeds, then every ten (promises D2, D6).

In an instance's first second it is asked more often: most services are ready after some milliseconds,
and what depends on them should not wait for a second to be over.
"""

import time

from guest.floor import paths
from guest.mechanism import processes, program, reap, signals, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import environment

UNTIL_WELL, WHEN_WELL = 1.0, 10.0  # seconds from one check to the next
_FIRST = 0.05  # seconds to the second check, doubled up to UNTIL_WELL
_LONGEST = 10.0  # seconds; a check that takes longer has failed
_SCRIPT = paths.SERVICE_PROGRAMS + b"/probe"


class Probe:
    """The check of one running instance. `result` is its last: None before the first."""

    __slots__ = ("_container", "_directory", "_next", "_pause", "_pid", "_succeeded", "result")

    def __init__(self, directory: bytes, container: "environment.Container") -> None:
        self._directory = directory
        self._container = container
        self._pid = 0
        self._next = 0.0
        self._pause = _FIRST
        self._succeeded = False
        self.result: bool | None = None

    def begin(self) -> None:
        """A new instance of the service has started: ask it at once."""
        self.end()
        self._next = time.monotonic()
        self._pause = _FIRST
        self._succeeded = False

    def end(self) -> None:
        """Nobody asks any more."""
        if self._pid:
            processes.signal(-self._pid, signals.KILL)
            reap.forget(self._pid)
            self._pid = 0
        self._next = float("inf")

    def look(self) -> bool | None:
        """Start a check that is due, collect one that has ended: its result, None while there is no new one."""
        now = time.monotonic()
        if self._pid:
            status = reap.status(self._pid)
            if status is None:
                if now >= self._next:
                    processes.signal(-self._pid, signals.KILL)
                    self._next = now + _LONGEST
                return None
            self._pid = 0
            self.result = status == 0
            self._succeeded = self._succeeded or self.result
            self._next = now + (WHEN_WELL if self._succeeded else self._pause)
            self._pause = min(UNTIL_WELL, 2 * self._pause)
            return self.result
        if now >= self._next:
            self._start(now)
        return None

    def due(self) -> float:
        """When to look again, in monotonic seconds."""
        return self._next

    def _start(self, now: float) -> None:
        nowhere = b"/dev/null"
        try:
            self._pid = spawn.start(
                [_SCRIPT, self._directory],
                self._container.for_child(),
                path=_SCRIPT,
                session=True,
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
            )
            self._next = now + _LONGEST
        except program.CannotStart:
            self._next = now + UNTIL_WELL  # no room for a process now
