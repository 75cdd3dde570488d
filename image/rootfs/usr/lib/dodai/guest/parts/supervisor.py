"""One runsv and the service below it: start, look, end."""

import os

from guest.floor import paths, say
from guest.mechanism import processes, program, reap, signals, spawn, watch
from guest.parts import definition, home, supervision


class Supervisor:
    """A started service. `pid` is its runsv, 0 when there is none."""

    __slots__ = ("_logger", "_watch", "definition", "home", "pid", "stopping")

    def __init__(self, service: definition.Definition) -> None:
        self.definition = service
        self.home = b""
        self.pid = 0
        self.stopping = False
        self._logger = 0
        self._watch: int | None = None

    def start(self, state: bytes, environment: dict[bytes, bytes]) -> bool:
        """Make the home and start runsv in a session of its own; False, said in one line, when that fails."""
        name = say.shown(self.definition.name)
        try:
            self.home = home.make(state, self.definition)
            # Its last argument ends in the service's name: people look for it with pgrep -f.
            self.pid = spawn.start([b"runsv", self.home], environment, path=paths.RUNSV, session=True, stdin=b"/dev/null")
        except OSError as problem:
            say.error(f"cannot start service '{name}': {problem.strerror}: {say.shown(problem.filename or self.home)}")
            return False
        except program.CannotStart as problem:
            say.error(f"cannot start service '{name}': {problem.text}")
            return False
        self.stopping = False
        return True

    @property
    def needs_looks(self) -> bool:
        """Whether no signal will tell of its end: its directory is not watched."""
        return self._watch is None

    def status(self) -> supervision.Status | None:
        """What runsv last wrote of the service."""
        return supervision.read(self.home + b"/supervise")

    def ask_to_stop(self) -> None:
        """TERM to runsv: it passes TERM and CONT on to the service, runs finish and ends with its logger (runsv.8)."""
        self.stopping = True
        if not self.pid:
            return
        home.skip_finish(self.home)
        # Without the watch the caller looks from time to time.
        self._watch = watch.add(self.home + b"/supervise", watch.RENAMES)
        processes.signal(self.pid, signals.TERM)

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
            os.close(self._watch)
            self._watch = None

    def _cut_sleep(self) -> None:
        """runsv sleeps a second after a service that lived less than one; then nothing is left for it to do.

        Its logger, if any, loses the last writer of its pipe, drains it and ends as our child.
        """
        status = self.status()
        if status is None or not status.ended:
            return
        logger = supervision.read(self.home + b"/log/supervise")
        if logger is not None and logger.pid:
            self._logger = logger.pid
            reap.register(logger.pid)
        processes.signal(self.pid, signals.KILL)
