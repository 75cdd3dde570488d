"""All services of the container: found, started in order, looked after while they run."""

import time

from guest.floor import kernel, paths, say
from guest.mechanism import files, nursery, reap, watch
from guest.parts import definition, dependencies, doubles, ending, environment, fitness, home, logs, pause, record, service

_SOON_SECONDS = 0.5  # a directory that may still be in the making, a service on its way out
_PASS_SECONDS = 0.0001  # for each service, at least between two looks at all of them
_SETTLED_SECONDS = 0.05  # more than the kernel's grain of file times
_LATER_SECONDS = 5.0  # a broken directory, or a kernel that cannot watch


class Services:
    """The services by name, and the directory they come from."""

    __slots__ = (
        "_behind",
        "_changed",
        "_container",
        "_critical",
        "_doubles",
        "_exact",
        "_fitness",
        "_leaving",
        "_looked",
        "_mailbox",
        "_owed",
        "_scanned",
        "_sockets",
        "_state",
        "_watch",
        "dependencies",
        "directory",
        "logs",
        "running",
    )

    def __init__(self, state: bytes, container: environment.Container, directory: bytes = paths.SERVICES) -> None:
        self.directory = directory
        self.running: dict[bytes, service.Service] = {}
        self.dependencies = dependencies.Dependencies()
        self.logs = logs.Logs(state, container)
        self._state = state
        self._container = container
        self._fitness = fitness.Fitness()
        self._sockets = 0  # made so far: no two services may ever have the same
        self._leaving: list[service.Service] = []
        self._doubles = doubles.Doubles()
        self._mailbox: ending.Mailbox | None = None
        self._critical: tuple[bytes, int] | None = None  # the first critical service that ended, its wait status
        self._watch: int | None = None
        self._changed: int | None = None  # when the directory was changed last, as far as it has been scanned
        self._scanned = 0.0  # when the last scan was, in monotonic seconds
        self._owed = False  # the last scan could not read everything, or something stood in its way that has gone
        self._looked = 0.0  # when every service was looked at last, in monotonic seconds
        self._behind = False  # something has changed since
        self._exact = False

    def prepare(self) -> None:
        """Empty what an earlier life of this container left, before the first start. Raises OSError."""
        for below in (b"/service", b"/notify"):
            home.remove_tree(self._state + below)
            kernel.mkdir(self._state + below, 0o755)
        files.remove(self._state + b"/ended")
        self._mailbox = ending.Mailbox(self._state + b"/ended")
        if not kernel.access(self.directory, kernel.W_OK | kernel.X_OK, effective_ids=True):
            # sv looks in /etc/service by default, where no supervise link can be made now.
            self._container.private[b"SVDIR"] = self._state + b"/service"
        self.logs.start()

    def start_syslog(self) -> bool:
        """Start the system logger if the image has one; whether it is worth waiting for."""
        path = self.directory + b"/" + definition.SYSLOG
        if not kernel.is_directory(path):
            return False
        what = definition.Definition(definition.SYSLOG, self.directory)
        self._start([what], patient=False)
        return definition.SYSLOG in self.running and not what.has(b"down")

    def watch(self) -> None:
        """Have changes of the directory come as signals; where that cannot be, it is looked at from time to time."""
        self._watch = watch.add(self.directory)

    def is_scan_due(self) -> bool:
        """Whether the directory has changed since the last scan, or what that has found is to be looked at again.

        A scan in the same moment as a change does not count: another change may have followed.
        """
        if time.monotonic() >= self.next_scan():
            return True
        try:
            return kernel.stat(self.directory).st_mtime_ns != self._changed
        except OSError:
            return self._changed is not None

    def scan(self, *, patient: bool = True) -> None:
        """Start what is new in the directory, stop what is gone or was replaced, look again at what was broken.

        patient: a fault is named at the second look, since a directory may be seen while it is being made.
        """
        self._changed = _settled(self.directory)
        self._scanned = time.monotonic()
        listing = definition.all_in(self.directory)
        # No room for another descriptor, for one: that a running service cannot be seen is no reason to stop it.
        self._owed = not listing.complete or bool(listing.unreadable)
        if not listing.complete:
            return
        self._fitness.learn(listing)
        found = {what.name: what for what in listing.definitions}
        for name, one in list(self.running.items()):
            what = found.get(name)
            if name in listing.unreadable:
                found[name] = one.definition
            elif what is None or what.identity != one.definition.identity:
                say.debug(f"service '{say.shown(name)}' was removed")
                del self.running[name]
                one.stop()
                self._leaving.append(one)
        self._bury()
        busy = {one.name for one in self._leaving} | self._doubles.names() | self.running.keys()
        self.dependencies.learn(found)
        self._start([what for name, what in found.items() if name not in busy], patient)

    def progress(self) -> None:
        """Hear of ends, follow every service, and start those whose turn has come."""
        self.look_after()
        now = time.monotonic()
        for end in self._mailbox.take() if self._mailbox is not None else ():
            one = self.running.get(end.name)
            if one is not None and not one.supervisor.stopping:
                # A runsv that was killed takes what it would have done next with it; the next one begins anew.
                if end.runsv == one.supervisor.pid:
                    one.ended(end)
                if one.definition.settings.critical:
                    one.hold()
                    self._critical = self._critical or (end.name, end.status)
        # Fifty that start at once make hundreds of changes: not each is worth a look at all of them.
        self._behind = now < self._looked + self._pass_seconds()
        if self._behind:
            return
        self._looked = now
        for one in self.running.values():
            if not one.supervisor.stopping:
                one.tick()
        for name in self.dependencies.startable(self.running):
            self.running[name].go()

    def next_look(self) -> float:
        """When to call `progress` again though nothing was heard (monotonic seconds, infinite for never)."""
        if self._behind:
            return self._looked + self._pass_seconds()
        due = min((one.due() for one in self.running.values() if not one.supervisor.stopping), default=pause.NEVER)
        return min(due, self._doubles.due(), self.logs.due())

    def next_scan(self) -> float:
        """When to scan again though no signal has told of a change (monotonic seconds, infinite for never)."""
        if self._owed or self._leaving or self._fitness.unnamed():
            return self._scanned + _SOON_SECONDS
        return self._scanned + _LATER_SECONDS if self._fitness.broken or self._watch is None else pause.NEVER

    def ready(self) -> bool:
        """Whether every service that is to be up is ready. Those that wait for a broken one are not."""
        return all(one.record.ready or not one.record.wanted for one in self.running.values())

    def unready(self) -> list[bytes]:
        """The names of those that are to be up and are not ready."""
        return [name for name, one in self.running.items() if one.record.wanted and not one.record.ready]

    def look_after(self) -> None:
        """After children have ended: replace a runsv that died, without doubling its service; the copier, too."""
        self._bury()
        self.logs.look_after()
        again = [self.running[name] for name in self._doubles.ended() if name in self.running]
        for name, one in self.running.items():
            supervised = one.supervisor
            if supervised.pid and not supervised.stopping and not reap.lives(supervised.pid):
                say.error(f"the supervisor of service '{say.shown(name)}' was killed; it is replaced")
                if not self._doubles.take(one):
                    again.append(one)
                one.lost()
        for name in self._launch(again):
            del self.running[name]  # the next scan takes it for a new one

    def critical_end(self) -> tuple[bytes, int] | None:
        """Name and wait status of the first critical service that ended, if any."""
        return self._critical

    def begin_stop(self) -> None:
        """No service is started any more."""
        self._doubles.ask_to_end()

    def leaving(self) -> "list[service.Service]":
        """Those whose directory is gone and that have not ended."""
        self._doubles.ended()
        self._bury()
        return list(self._leaving)

    def kept(self) -> "set[int]":
        """What outlives everything else: the system logger's runsv and the copier of logs."""
        logger = self.running.get(definition.SYSLOG)
        kept = {logger.supervisor.pid} if logger is not None else set()
        return (kept | {self.logs.pid}) - {0}

    def _pass_seconds(self) -> float:
        return _PASS_SECONDS * len(self.running)

    def _start(self, found: list[definition.Definition], patient: bool) -> None:
        self._exact = any(not environment.is_shell_name(name) for name in self._container.variables)
        fresh = []
        for what in found:
            if self._fitness.passes(what, patient=patient):
                one = service.Service(what, self._container)
                one.waiting = self.dependencies.must_wait(what, self.running)
                fresh.append(one)
        self._launch(fresh)
        for one in fresh:
            if one.supervisor.pid:
                self._fitness.broken.pop(one.name, None)
                self.running[one.name] = one

    def _launch(self, fresh: "list[service.Service]") -> list[bytes]:
        """Start a supervisor for each; the names of those that could not be."""
        jobs: list[tuple[service.Service, nursery.Job]] = []
        failed: list[service.Service] = []
        for one in fresh:
            self._sockets += 1
            if not one.prepare(self._state, self._state + b"/notify/%d" % self._sockets, exact=self._exact):
                failed.append(one)
                continue
            out, err = self.logs.add(one.name)
            jobs.append((one, nursery.Job(one.supervisor.home, out, err, one.readiness.variable())))
        if jobs:
            nursery.start([job for _, job in jobs], self._container.for_child())
        for one, job in jobs:
            if job.pid:
                one.started(job.pid)
            else:
                say.error(f"cannot start service '{say.shown(one.name)}': {job.problem}")
                failed.append(one)
        for one in failed:
            one.abandon()
            self._fitness.failed(one.name)
        return [one.name for one in failed]

    def _bury(self) -> None:
        for one in self._leaving:
            if one.gone():
                self.logs.close(one.name)
                self._owed = True  # another may have taken its name
                self._scanned = 0.0
        self._leaving = [one for one in self._leaving if one.record.state != record.DOWN]


def _settled(directory: bytes) -> int | None:
    """The directory's time of change; None while another change might get the same."""
    try:
        changed = kernel.stat(directory).st_mtime_ns
    except OSError:
        return None
    return changed if abs(time.time() - changed / 1e9) > _SETTLED_SECONDS else None
