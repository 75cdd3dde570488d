"""Whether a running service is ready and well: its `check` says so, or it itself, or it simply runs (promises D2, D6)."""

import time

from guest.floor import say
from guest.mechanism import events
from guest.parts import home, notice, probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import definition, environment

NEVER = float("inf")


class Readiness:
    """`ready` latches at the first success of an instance; `healthy` is the check's last result, None before it."""

    __slots__ = ("_definition", "_late_at", "_notice", "_probe", "_runs", "_said", "healthy", "ready")

    def __init__(self, what: "definition.Definition", container: "environment.Container") -> None:
        self._definition = what
        self._probe = probe.Probe(what.path, container) if what.has(b"check") else None
        self._notice: notice.Descriptor | notice.Socket | None = None
        self._late_at = NEVER
        self._runs = False
        self._said = False  # that it is ready, by itself; an instance may say so before runsv has told of it
        self.ready = False
        self.healthy: bool | None = None

    def listen(self, service_home: bytes, socket: bytes) -> None:
        """Open what the service will speak to; socket: a path for one that asks for NOTIFY_SOCKET."""
        self.close()
        try:
            if self._definition.settings.notification_fd is not None:
                self._notice = notice.Descriptor(service_home + home.READY)
            elif self._definition.settings.notify:
                self._notice = notice.Socket(socket)
        except OSError as problem:
            name = say.shown(self._definition.name)
            say.error(f"cannot listen to service '{name}': {problem.strerror}; it counts as ready when it runs")

    def variable(self) -> bytes:
        """NAME=VALUE that only this service gets; empty for none."""
        return self._notice.variable if self._notice is not None else b""

    def expect(self) -> None:
        """It is being started: from now on it has its ready-timeout."""
        self._late_at = time.monotonic() + self._definition.settings.ready_timeout

    def begin(self) -> None:
        """An instance runs."""
        if self._runs:
            self.end()
        self._runs = True
        if self._probe is not None:
            self._probe.begin()
        self.ready = self._probe is None and self._notice is None

    def end(self) -> None:
        """No instance runs."""
        self._runs = self._said = self.ready = False
        self.healthy = None
        if self._probe is not None:
            self._probe.end()

    def forget(self) -> None:
        """What has been said and not been heard yet does not count: the instance that said it has ended."""
        if self._notice is not None:
            self._notice.take()

    def look(self) -> None:
        """Ask and listen; say once when it takes too long."""
        result = self._probe.look() if self._probe is not None else None
        if result is not None and self._runs:
            if self.healthy is not None and result != self.healthy:
                events.write("healthy" if result else "unhealthy", name=self._definition.name)
            self.healthy = result
            if result and self._notice is None:
                self.ready = True
        if self._notice is not None:
            self._said = self._notice.take() or self._said
            self.ready = self.ready or (self._said and self._runs)
        if self.ready:
            self._late_at = NEVER
        elif time.monotonic() >= self._late_at:
            self._late_at = NEVER
            seconds = self._definition.settings.ready_timeout
            say.error(f"service '{say.shown(self._definition.name)}' is not ready after {seconds:g} s")

    def due(self) -> float:
        """When to look again though nothing is heard, in monotonic seconds."""
        return min(self._late_at, self._probe.due() if self._probe is not None else NEVER)

    def give_up(self) -> None:
        """Nobody waits for it any more."""
        self._late_at = NEVER
        self.end()

    def close(self) -> None:
        """Close what it speaks to."""
        if self._notice is not None:
            self._notice.close()
            self._notice = None
