"""What PID 1 knows of one service, kept in STATE/service/NAME/policy for dodaictl, and told to the boot log."""

import time

from guest.floor import codes
from guest.mechanism import events, files

# The states of a service, as `dodaictl status` names them.
STARTING, RUNNING, READY = "starting", "running", "ready"
BACKOFF, FAILED, STOPPING, DOWN = "backoff", "failed", "stopping", "down"
# Not healthy whatever its check says.
_SICK = frozenset((STARTING, BACKOFF, FAILED))


class Record:
    """State, wish, restarts and last end of a service. `healthy` is its check's last result, None without one."""

    __slots__ = ("_critical", "_kept", "_name", "healthy", "last_exit", "ready", "restarts", "since", "state", "wanted")

    def __init__(self, name: bytes, critical: bool) -> None:
        self._name = name
        self._critical = critical
        self._kept = b""
        self.state = DOWN
        self.wanted = True
        self.restarts = 0
        self.last_exit: int | None = None  # a wait status
        self.ready = False
        self.healthy: bool | None = None
        self.since = time.monotonic()

    def enter(self, state: str, **members: "int | float") -> bool:
        """Change the state and log it; False when it is the state already."""
        if state == self.state:
            return False
        self.state = state
        self.since = time.monotonic()
        events.write("service", name=self._name, state=state, **members)
        return True

    @property
    def is_healthy(self) -> bool:
        """Running and well, or down because somebody wants it so."""
        if self.state == DOWN:
            return not self.wanted
        if self.state in _SICK:
            return False
        return self.healthy is not False

    def keep(self, home: bytes) -> None:
        """Write the file if what it says has changed. A full disk leaves the old one."""
        text = self._text()
        if text == self._kept:
            return
        try:
            files.replace(home + b"/policy", text, 0o644)
            self._kept = text
        except OSError:
            pass

    def moved(self) -> None:
        """The home was made anew: the file has to be written again."""
        self._kept = b""

    def ending_text(self) -> str:
        """How the last instance ended: "code 3", "signal 9" or "none"."""
        if self.last_exit is None:
            return "none"
        if self.last_exit & 0x7F:
            return f"signal {self.last_exit & 0x7F}"
        return f"code {codes.of_status(self.last_exit)}"

    def ending(self) -> "dict[str, int]":
        """The same as a member of an event."""
        word, _, number = self.ending_text().partition(" ")
        return {word: int(number)} if number else {}

    def _text(self) -> bytes:
        lines = (
            f"state {self.state}",
            f"wanted {'up' if self.wanted else 'down'}",
            f"restarts {self.restarts}",
            f"exit {self.ending_text()}",
            f"ready {int(self.ready)}",
            f"healthy {int(self.is_healthy)}",
            f"critical {int(self._critical)}",
            f"since {self.since:.6f}",
        )
        return ("\n".join(lines) + "\n").encode("ascii")
