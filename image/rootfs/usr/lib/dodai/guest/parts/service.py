"""One service as PID 1 follows it: from "starting" to "ready", and what becomes of it when it fails."""

import time

from guest.floor import say
from guest.mechanism import reap
from guest.parts import backoff, ending, home, pause, readiness, record, supervision, supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import definition, environment

_SOON = 0.05  # seconds; a start that no signal has told of is looked for
_UNWATCHED = 0.5  # seconds; between two looks at a service of whose changes no signal tells


class Service:
    """A supervisor with the policy around it. All times are monotonic seconds.

    `waiting`: it is not to be started before what it depends on is ready. `kill_at`: when the stop
    kills it; `killed`: that it has.
    """

    __slots__ = (
        "_backoff",
        "_born",
        "_going",
        "_instance",
        "_pause",
        "definition",
        "kill_at",
        "killed",
        "readiness",
        "record",
        "supervisor",
        "waiting",
    )

    def __init__(self, what: "definition.Definition", container: "environment.Container") -> None:
        self.definition = what
        self.supervisor = supervisor.Supervisor(what)
        self.record = record.Record(what.name, what.settings.critical)
        self.readiness = readiness.Readiness(what, container)
        self.waiting = False
        self.kill_at = pause.NEVER
        self.killed = False
        self._backoff = backoff.Backoff(what.settings.max_restarts)
        self._instance = 0  # the pid of the running instance, as far as it was seen
        self._born = 0.0
        self._pause: pause.Pause | None = None
        self._going = False  # told to start, and runsv has not yet written so

    @property
    def name(self) -> bytes:
        """The name of its directory."""
        return self.definition.name

    def prepare(self, state: bytes, socket: bytes, *, exact: bool) -> bool:
        """Make what its supervisor needs; False, said in one line, when that fails. socket: see readiness."""
        if not self.supervisor.prepare(state, held=self.waiting, exact=exact):
            return False
        self.record.moved()
        self.record.wanted = not self.definition.has(b"down")
        self.readiness.listen(self.supervisor.home, socket)
        return True

    def started(self, pid: int) -> None:
        """Its runsv runs now."""
        self.supervisor.pid = pid
        self.supervisor.started = time.monotonic()
        if self.record.wanted and not self.waiting:
            self.readiness.expect()
        self.record.enter(record.STARTING if self.record.wanted else record.DOWN)

    def lost(self) -> None:
        """Its runsv was killed: nobody knows of an instance, and what was said of the last one holds no more."""
        reap.forget(self.supervisor.pid)
        self.supervisor.pid = 0
        self._pause = None
        self._going = False
        self._leave_instance()
        if self.record.wanted:
            self.record.enter(record.STARTING)

    def abandon(self) -> None:
        """It could not be started: give back what it holds."""
        self.supervisor.close()
        self.readiness.close()

    def go(self) -> None:
        """What it depends on is ready."""
        if self.supervisor.control(b"u"):
            self.waiting = False
            self._going = True
            self.readiness.expect()

    def ended(self, end: ending.Ending) -> None:
        """Its instance has ended: decide how it goes on."""
        lived = time.monotonic() - self._born if self._instance else 0.0
        status = self.supervisor.status()
        wanted = status is None or status.wanted == "u"
        self.record.last_exit = end.status
        if end.asked:
            home.forget_request(self.supervisor.home)
        if status is not None and status.state == supervision.RUN and status.pid == self._instance:
            # After an exit with 0 nobody waits for us: this is the next instance, which was seen before its forerunner's end.
            self.record.restarts += 1
            return
        self._leave_instance()
        if end.status:
            self.readiness.forget()
            self._pause = pause.Pause(self.supervisor, end.finish)
        if wanted and end.status and not end.asked:
            self._failed(lived)
        elif wanted:
            self._again(0.0)
        self.tick()

    def hold(self) -> None:
        """It is critical and has ended: never start it again."""
        if self._pause is not None:
            self._pause.last(pause.NEVER)

    def tick(self) -> None:
        """Whatever is due: the end of a pause, a look at runsv, a check."""
        if self._pause is not None:
            if self._pause.over():
                self._pause = None
                if self.record.state == record.BACKOFF:
                    self.record.enter(record.STARTING)
        elif self.supervisor.pid:
            self._look()
        self.readiness.look()
        self.record.healthy = self.readiness.healthy
        if self.readiness.ready and not self.record.ready:
            self.record.ready = True
            self.record.enter(record.READY, pid=self._instance)
        self.record.keep(self.supervisor.home)

    def due(self) -> float:
        """When `tick` is needed again though nothing is heard."""
        if self._pause is not None:
            return self._pause.due()
        due = self.readiness.due()
        if not self.supervisor.pid:
            return due
        if self.record.state == record.STARTING and not self.waiting:
            return min(due, time.monotonic() + _SOON)
        return min(due, time.monotonic() + _UNWATCHED) if self.supervisor.needs_looks else due

    def stop(self) -> None:
        """Begin its end."""
        self.record.enter(record.STOPPING)
        self.record.keep(self.supervisor.home)
        self.readiness.give_up()
        self._pause = None
        self.supervisor.ask_to_stop()

    def gone(self) -> bool:
        """Whether a stopping service has ended with its logger."""
        if not self.supervisor.gone():
            return False
        if self.record.enter(record.DOWN):
            self.record.keep(self.supervisor.home)
            self.readiness.close()
        return True

    def _failed(self, lived: float) -> None:
        seconds = self._backoff.failed(lived)
        if seconds is not None:
            self._again(seconds)
            return
        self.supervisor.control(b"d")
        self.record.enter(record.FAILED, **self.record.ending())
        name = say.shown(self.name)
        say.error(
            f"service '{name}' has failed: {self.record.ending_text()} after {self.definition.settings.max_restarts}"
            f" restarts; sv start {name} tries again"
        )

    def _again(self, seconds: float) -> None:
        self.record.restarts += 1
        members = {"restarts": self.record.restarts, **self.record.ending()}
        if seconds and self._pause is not None:
            self._pause.last(seconds)
            self.record.enter(record.BACKOFF, delay=round(seconds, 3), **members)
        else:
            self.record.enter(record.STARTING, **members)

    def _look(self) -> None:
        status = self.supervisor.status()
        if status is None:
            return
        self._going = self._going and status.wanted != "u"
        if status.state == supervision.RUN and status.pid:
            if status.pid != self._instance:
                self._begin_instance(status.pid)
            self.record.wanted = status.wanted == "u"
        elif status.ended and status.wanted != "u" and not self._is_held():
            self._leave_instance()
            self.record.wanted = False
            self.record.enter(record.DOWN)

    def _is_held(self) -> bool:
        """Whether it is down because of us, and not because somebody wants it so."""
        return self.waiting or self._going or self.record.state == record.FAILED

    def _begin_instance(self, pid: int) -> None:
        if self.record.state in (record.DOWN, record.FAILED) or self.waiting:
            # By hand: sv start, or dodaictl.
            self._backoff.forgive()
            self.waiting = False
        self._instance = pid
        self._born = time.monotonic()
        self.record.ready = False
        self.record.enter(record.RUNNING, pid=pid)
        self.readiness.begin()

    def _leave_instance(self) -> None:
        self._instance = 0
        self.record.ready = False
        self.readiness.end()
