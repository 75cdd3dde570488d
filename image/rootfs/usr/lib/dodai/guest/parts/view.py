"""The container as it is now, read from what my_init and runsv keep; nobody is asked and nothing is changed.

my_init's word on a service is STATE/service/NAME/policy, which everybody may read; the living process
is runsv's (supervise/), which only my_init's user may read. Where the two differ, runsv is ahead.
"""

import errno
import time

from guest.floor import kernel
from guest.floor import service_states as states
from guest.mechanism import files, state
from guest.parts import supervision

# The phase in which services run; the others are those of the boot and of the stop.
RUNNING_PHASE = "running"
BOOT_PHASES = ("syslog starts", "startup files", "startup interrupted", "services start")

# What stands beside the state for people.
PAUSED, FINISHING, UNSUPERVISED = "paused", "finishing", "no supervisor"


class NotRunning(Exception):
    """No my_init runs in this container."""


class Service:
    """One service.

    `state` is one of floor.service_states, `wanted` "up" or "down", `pid` that of its process or None, `uptime` seconds it
    runs, `age` seconds since the last change as far as known, `last_exit` ("code" or "signal", number) or None, `note` a word
    for people. `live` is False where runsv's part may not be read.
    """

    __slots__ = (
        "age",
        "critical",
        "healthy",
        "last_exit",
        "live",
        "name",
        "note",
        "pid",
        "ready",
        "restarts",
        "since",
        "state",
        "uptime",
        "wanted",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = states.STARTING
        self.wanted = "up"
        self.pid: int | None = None
        self.uptime: float | None = None
        self.age: float | None = None
        self.since = 0.0  # monotonic seconds
        self.restarts = 0
        self.last_exit: tuple[str, int] | None = None
        self.ready = False
        self.healthy = False
        self.critical = False
        self.note = ""
        self.live = True


class View:
    """my_init's pid, the phase it is in, and its services in byte order of their names."""

    __slots__ = ("phase", "pid", "services", "state")

    def __init__(self, where: bytes, pid: int, phase: str, services: list[Service]) -> None:
        self.state = where
        self.pid = pid
        self.phase = phase
        self.services = services


def take() -> View:
    """Look at every service. Raises NotRunning; OSError when the state directory cannot be read."""
    where = state.find()
    if where is None:
        raise NotRunning
    pid = int(files.read(where + b"/pid"))
    phase = (files.read_or_none(where + b"/phase") or b"running").strip().decode("utf-8", "replace")
    top = where + b"/service"
    try:
        names = sorted(kernel.listdir(top))
    except FileNotFoundError:
        names = []  # --skip-runit, or the boot has not come so far
    return View(where, pid, phase, [look(top + b"/" + name, kernel.fsdecode(name)) for name in names])


def look(home: bytes, name: str) -> Service:
    """One service by its home in the state directory."""
    found = Service(name)
    _read_policy(found, home)
    supervise = home + b"/supervise"
    try:
        supervised = _has_supervisor(supervise)
    except PermissionError:
        found.live = False
        return found
    status = supervision.read(supervise) if supervised else None
    if status is None:
        _without_supervisor(found)
    else:
        _with_process(found, status)
    return found


def _read_policy(found: Service, home: bytes) -> None:
    """Take over what my_init knows. As long as it has written nothing, the service is only starting."""
    text = files.read_or_none(home + b"/policy") or b""
    for line in text.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(" ")
        if key == "state":
            found.state = value
        elif key == "wanted":
            found.wanted = value
        elif key == "restarts":
            found.restarts = int(value)
        elif key == "exit" and value != "none":
            kind, _, number = value.partition(" ")
            found.last_exit = (kind, int(number))
        elif key in ("ready", "healthy", "critical"):
            setattr(found, key, value == "1")
        elif key == "since":
            found.since = float(value)
            found.age = max(time.monotonic() - found.since, 0.0)


def _without_supervisor(found: Service) -> None:
    found.note = UNSUPERVISED
    found.ready = False
    # Down on purpose, or given up, is what my_init says it is; anything else has lost its supervisor.
    found.healthy = found.healthy and found.state in (states.DOWN, states.STOPPING)


def _with_process(found: Service, status: supervision.Status) -> None:
    """Bring in the process: my_init hears of a change a moment after runsv has written it."""
    seconds = max(time.time() - status.since, 0.0)
    runs = status.state == supervision.RUN
    wanted = "up" if status.wanted == "u" else "down"
    if runs:
        found.pid = status.pid
        found.uptime = found.age = seconds
        if found.state in (states.DOWN, states.FAILED, states.BACKOFF):
            found.state, found.ready, found.healthy = states.STARTING, False, False
    elif found.state in (states.RUNNING, states.READY):
        found.state, found.ready = _state_of(status, wanted), False
        found.healthy = found.state == states.DOWN
    if status.state == supervision.FINISH and found.state != states.BACKOFF:
        found.note = FINISHING
    if runs and status.paused:
        found.note, found.healthy = PAUSED, False
    if found.age is None:
        found.age = seconds


def _state_of(status: supervision.Status, wanted: str) -> str:
    if status.state == supervision.RUN:
        return states.RUNNING
    if wanted == "up":
        return states.STARTING
    return states.STOPPING if status.state == supervision.FINISH else states.DOWN


def _has_supervisor(supervise: bytes) -> bool:
    """Whether a runsv lives: it holds supervise/ok open for reading (runsv.8, "supervise/ok")."""
    try:
        kernel.close(kernel.open(supervise + b"/ok", kernel.O_WRONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC))
    except OSError as problem:
        if problem.errno in (errno.ENXIO, errno.ENOENT):
            return False
        raise
    return True
