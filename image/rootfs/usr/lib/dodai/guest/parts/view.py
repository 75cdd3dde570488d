"""The services as they are now, read from what runsv keeps; nobody is asked and nothing is changed."""

import errno
import os
import time

from guest.mechanism import state
from guest.parts import supervision

# States in the words of `dodaictl status`. The first four are runsv's; the others say that there is none to ask.
RUNNING, PAUSED, FINISHING, DOWN = "running", "paused", "finishing", "down"
UNSUPERVISED, UNREADABLE = "unsupervised", "unreadable"


class NotRunning(Exception):
    """No my_init runs in this container."""


class Service:
    """One service: `wanted` is "up", "down" or None, `pid` None when there is none, `seconds` since the last change."""

    __slots__ = ("name", "pid", "seconds", "state", "wanted")

    def __init__(self, name: str, condition: str, wanted: str | None, pid: int | None, seconds: float | None) -> None:
        self.name = name
        self.state = condition
        self.wanted = wanted
        self.pid = pid
        self.seconds = seconds

    @property
    def healthy(self) -> bool:
        """It runs, or it is down because it is wanted so."""
        return self.state == RUNNING or (self.state == DOWN and self.wanted == "down")


class View:
    """my_init's pid and its services in byte order of their names."""

    __slots__ = ("pid", "services")

    def __init__(self, pid: int, services: list[Service]) -> None:
        self.pid = pid
        self.services = services


def take() -> View:
    """Look at every service. Raises NotRunning; OSError when the state directory cannot be read."""
    where = state.find()
    if where is None:
        raise NotRunning
    with open(where + b"/pid", "rb") as file:
        pid = int(file.read())
    top = where + b"/service"
    try:
        names = sorted(os.listdir(top))
    except FileNotFoundError:
        names = []  # --skip-runit, or the boot has not come so far
    return View(pid, [_look(top + b"/" + name, os.fsdecode(name)) for name in names])


def _look(home: bytes, name: str) -> Service:
    supervise = home + b"/supervise"
    try:
        if not _has_supervisor(supervise):
            return Service(name, UNSUPERVISED, None, None, None)
    except PermissionError:
        return Service(name, UNREADABLE, None, None, None)
    status = supervision.read(supervise)
    if status is None:
        return Service(name, UNSUPERVISED, None, None, None)
    condition = {supervision.RUN: RUNNING, supervision.FINISH: FINISHING}.get(status.state, DOWN)
    if condition == RUNNING and status.paused:
        condition = PAUSED
    wanted = "up" if status.wanted == "u" else "down"
    return Service(name, condition, wanted, status.pid or None, max(time.time() - status.since, 0.0))


def _has_supervisor(supervise: bytes) -> bool:
    """Whether a runsv lives: it holds supervise/ok open for reading (runsv.8, "supervise/ok")."""
    try:
        os.close(os.open(supervise + b"/ok", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as problem:
        if problem.errno in (errno.ENXIO, errno.ENOENT):
            return False
        raise
    return True
