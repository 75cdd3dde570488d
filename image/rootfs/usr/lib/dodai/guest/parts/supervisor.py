"""One runsv and the service below it: start, look, end."""

from guest.floor import kernel, say
from guest.mechanism import foreign, processes, reap, signals, watch
from guest.parts import definition, home, supervision


class Supervisor:
    """A started service. `pid` is its runsv, 0 when there is none; `started` when it was (monotonic seconds)."""

    __slots__ = ("_logger", "_moves", "_watch", "definition", "home", "pid", "started", "stopping")

    def __init__(self, service: definition.Definition) -> None:
        self.definition = service
        self.home = b""
        self.pid = 0
        self.started = 0.0
        self.stopping = False
        self._logger = 0
        self._moves = False
        self._watch: int | None = None

    def prepare(self, state: bytes, *, held: bool, exact: bool) -> bool:
        """Make the home; False, said in one line, when that fails. held, exact: see home.make."""
        try:
            self.home = home.make(state, self.definition, held=held, exact=exact)
        except OSError as problem:
            name = say.shown(self.definition.name)
            say.error(f"cannot start service '{name}': {problem.strerror}: {say.shown(problem.filename or self.home)}")
            return False
        self.close()
        # Without the watch the caller looks from time to time.
        self._watch = watch.add(self.home + home.SUPERVISE, watch.RENAMES)
        self.stopping = False
        return True

    @property
    def needs_looks(self) -> bool:
        """Whether no signal will tell of its changes: its directory is not watched, or runsv was met on its way to a sleep."""
        return self._watch is None or self._moves

    def status(self) -> supervision.Status | None:
        """What runsv last wrote of the service."""
        return supervision.read(self.home + home.SUPERVISE)

    def status_identity(self) -> int:
        """The inode of what runsv last wrote: another one says that it has written again. 0 when there is none."""
        try:
            return kernel.stat(self.home + home.SUPERVISE + b"/status").st_ino
        except OSError:
            return 0

    def logger_pid(self) -> int:
        """The pid of log/run, 0 when there is none."""
        status = supervision.read(self.home + b"/log" + home.SUPERVISE)
        return status.pid if status is not None else 0

    def control(self, command: bytes) -> bool:
        """Write a command letter for runsv (runsv.8, "Control"); False while it is not there to read it."""
        try:
            fd = kernel.open(self.home + home.SUPERVISE + b"/control", kernel.O_WRONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
        except OSError:
            return False
        try:
            return kernel.write(fd, command) > 0
        except OSError:
            return False
        finally:
            kernel.close(fd)

    def ask_to_stop(self) -> None:
        """TERM to runsv: it passes TERM and CONT on to the service, runs finish and ends with its logger (runsv.8)."""
        self.stopping = True
        if not self.pid:
            return
        home.skip_policy(self.home)
        processes.signal(self.pid, signals.TERM)
        status = self.status()
        if status is not None and status.pid and foreign.among([status.pid]):
            processes.ask_to_end(status.pid)  # runsv has no CAP_KILL either, and no way around it

    def gone(self) -> bool:
        """Whether a stopping supervisor, its service and its logger have ended; hurries runsv on where it only sleeps."""
        if self.pid and not reap.lives(self.pid):
            reap.status(self.pid)
            self.pid = 0
            self.close()
        if self.pid:
            self._cut_sleep()
            return False
        if self._logger and reap.lives(self._logger):
            return False
        reap.status(self._logger)
        self._logger = 0
        return True

    def kill(self) -> None:
        """SIGKILL for whatever is left of the service, its finish, its logger and runsv."""
        for pid in [*processes.descendants(self.pid), self.pid] if self.pid else []:
            processes.signal(pid, signals.KILL)
        if self._logger:
            processes.signal(self._logger, signals.KILL)

    def close(self) -> None:
        """Give the watch back."""
        if self._watch is not None:
            kernel.close(self._watch)
            self._watch = None

    def _cut_sleep(self) -> None:
        """runsv sleeps a second after a service that lived less than one; then nothing is left for it to do.

        Its logger, if any, loses the last writer of its pipe, drains it and ends as our child.
        """
        self._moves = False
        status = self.status()
        if status is None or not status.ended:
            return
        logger = self.logger_pid()
        # It says so too in the moment between the fork of a service and the writing of its pid. Stopped it cannot fork; and
        # one that slept was past that moment, so its children are only what an ended service has left.
        sleeps = processes.sleeps(self.pid)
        processes.signal(self.pid, signals.STOP)
        if not sleeps and processes.has_child(self.pid, logger):
            processes.signal(self.pid, signals.CONT)
            self._moves = True
            return
        if logger:
            self._logger = logger
            reap.register(logger)
        processes.signal(self.pid, signals.KILL)
