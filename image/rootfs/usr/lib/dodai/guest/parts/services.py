"""All services of the container: found, started, looked after while they run, and stopped together."""

import os
import time

from guest.floor import paths, say
from guest.mechanism import files, processes, reap, signals, watch
from guest.parts import definition, home, supervisor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import environment

_SOON_SECONDS = 0.5  # a directory that may still be in the making, a service on its way out
_LATER_SECONDS = 5.0  # a broken directory, or a kernel that cannot watch
_ORPHAN_SECONDS = 5.0  # what a service whose runsv was killed gets between TERM and KILL
_ENDED = b"/ended"  # below the state directory: a file for each critical service that ended


class Services:
    """The supervisors by name, and the directory they come from."""

    __slots__ = (
        "_broken",
        "_container",
        "_doubled",
        "_leaving",
        "_skipped",
        "_state",
        "_watches",
        "directory",
        "supervisors",
    )

    def __init__(self, state: bytes, container: "environment.Container", directory: bytes = paths.SERVICES) -> None:
        self.directory = directory
        self.supervisors: dict[bytes, supervisor.Supervisor] = {}
        self._state = state
        self._container = container
        # Why a service is not started, for those looked at again; "" when that has not been said yet.
        self._broken: dict[bytes, str] = {}
        self._skipped: set[bytes] = set()
        self._leaving: list[supervisor.Supervisor] = []
        # Services whose runsv was killed: they must end before a new one starts them again.
        # name → the service's pid and when (monotonic seconds) its time is over.
        self._doubled: dict[bytes, tuple[int, float]] = {}
        self._watches: list[int | None] = []

    def prepare(self) -> None:
        """Empty what an earlier life of this container left, before the first start. Raises OSError."""
        home.remove_tree(self._state + b"/service")
        home.remove_tree(self._state + _ENDED)
        os.mkdir(self._state + b"/service")
        os.mkdir(self._state + _ENDED, 0o755)
        if not _may_write(self.directory):
            # sv looks in /etc/service by default, where no supervise link can be made now.
            self._container.private[b"SVDIR"] = self._state + b"/service"

    def start_syslog(self) -> bool:
        """Start the system logger if the image has one; whether it is worth waiting for."""
        path = self.directory + b"/" + definition.SYSLOG
        if not os.path.isdir(path):
            return False
        service = definition.Definition(definition.SYSLOG, self.directory)
        return self._start(service) and not service.has(b"down")

    def watch(self) -> bool:
        """Have changes of the directory, and ends of critical services, come as signals; False: look from time to time."""
        self._watches = [watch.add(self.directory), watch.add(self._state + _ENDED)]
        return None not in self._watches

    def scan(self, *, patient: bool = True) -> None:
        """Start what is new in the directory, stop what is gone or was replaced, look again at what was broken.

        patient: a fault is named at the second look, since a directory may be seen while it is being made.
        """
        found = {service.name: service for service in definition.all_in(self.directory)}
        for name, running in list(self.supervisors.items()):
            service = found.get(name)
            if service is None or service.identity != running.definition.identity:
                say.debug(f"service '{say.shown(name)}' was removed")
                del self.supervisors[name]
                running.ask_to_stop()
                self._leaving.append(running)
        self._bury()
        leaving = {one.definition.name for one in self._leaving}
        for name, service in found.items():
            if name not in self.supervisors and name not in leaving and name not in self._doubled:
                self._start(service, patient)
        self._broken = {name: why for name, why in self._broken.items() if name in found}

    def next_look(self) -> float | None:
        """In how many seconds to look again at what no signal will tell of; None when there is nothing such."""
        if self._leaving or self._doubled or "" in self._broken.values():
            return _SOON_SECONDS
        return _LATER_SECONDS if self._broken or None in self._watches else None

    def look_after(self) -> None:
        """After children have ended: replace a runsv that died, without doubling its service."""
        self._bury()
        for name in self._end_doubled():
            if name in self.supervisors:
                self.supervisors[name].start(self._state, self._container.for_child())
        for name, running in self.supervisors.items():
            if running.pid and not reap.lives(running.pid):
                reap.status(running.pid)
                running.pid = 0
                self._replace(name, running)

    def critical_end(self) -> tuple[bytes, int] | None:
        """Name and exit code (128 + n after signal n) of the first critical service that ended, if any."""
        for name in _listed(self._state + _ENDED):
            words = (files.read_or_none(self._state + _ENDED + b"/" + name) or b"").split()
            if len(words) == 2:
                code, low_byte = int(words[0]), int(words[1])
                return name, code if code >= 0 else 128 + (low_byte & 0x7F)
        return None

    def ask_to_stop(self, *, syslog: bool) -> None:
        """Begin to stop all services but the system logger, or only that one."""
        for name, running in self.supervisors.items():
            if (name == definition.SYSLOG) == syslog:
                running.ask_to_stop()
        if not syslog:
            for orphan, _ in self._doubled.values():
                processes.ask_to_end(orphan)

    def stopping(self) -> "list[supervisor.Supervisor]":
        """Those that were asked to stop and have not ended."""
        self._end_doubled()
        return [one for one in [*self.supervisors.values(), *self._leaving] if one.stopping and not one.gone()]

    def kept(self) -> "set[int]":
        """The pid of the system logger's runsv, which outlives everything else."""
        logger = self.supervisors.get(definition.SYSLOG)
        return {logger.pid} if logger is not None and logger.pid else set()

    def _start(self, service: definition.Definition, patient: bool = False) -> bool:
        name = service.name
        if service.needs_root and os.geteuid() != 0:
            if name not in self._skipped:
                say.info(f"service '{say.shown(name)}' is skipped: it needs root, and my_init runs as uid {os.geteuid()}")
            self._skipped.add(name)
            return False
        why = service.fault()
        if why is not None:
            if patient and name not in self._broken:
                why = ""
            elif self._broken.get(name) != why:
                say.info(why)
            self._broken[name] = why
            return False
        one = supervisor.Supervisor(service)
        if not one.start(self._state, self._container.for_child()):
            self._broken[name] = "cannot start"
            return False
        self._broken.pop(name, None)
        self.supervisors[name] = one
        return True

    def _replace(self, name: bytes, running: supervisor.Supervisor) -> None:
        """runsv was killed: its service, now our child, has to end before a new runsv starts another."""
        say.error(f"the supervisor of service '{say.shown(name)}' was killed; it is replaced")
        status = running.status()
        if status is not None and status.pid and processes.parents().get(status.pid) == os.getpid():
            reap.register(status.pid)
            self._doubled[name] = (status.pid, time.monotonic() + _ORPHAN_SECONDS)
            processes.ask_to_end(status.pid)
            return
        running.start(self._state, self._container.for_child())

    def _end_doubled(self) -> list[bytes]:
        """The services whose left-over process has ended since the last look; those past their time are killed."""
        done = []
        for name, (orphan, deadline) in list(self._doubled.items()):
            if not reap.lives(orphan):
                reap.status(orphan)
                del self._doubled[name]
                done.append(name)
            elif time.monotonic() >= deadline:
                processes.signal(orphan, signals.KILL)
        return done

    def _bury(self) -> None:
        self._leaving = [one for one in self._leaving if not one.gone()]


def _listed(directory: bytes) -> list[bytes]:
    try:
        return [name for name in sorted(os.listdir(directory)) if not name.endswith(b".new")]
    except OSError:
        return []


def _may_write(directory: bytes) -> bool:
    return os.access(directory, os.W_OK | os.X_OK, effective_ids=True)
