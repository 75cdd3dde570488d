"""What start, stop and restart have in common: the request to runsv, and the wait for its result."""

import time

from guest.floor import codes, kernel, say
from guest.floor import service_states as states
from guest.parts import control, view
from guest.programs.verbs import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_SECONDS = 0.02
_SURVIVED_SECONDS = 0.2  # a process that has just been started may be about to fail
_TIMEOUT_SECONDS = 10.0


class Request:
    """One service and what was asked of it: `before` is how it was, `asked` when (monotonic seconds)."""

    __slots__ = ("asked", "before", "home")

    def __init__(self, state: bytes, before: view.Service) -> None:
        self.before = before
        self.home = state + b"/service/" + kernel.fsencode(before.name)
        self.asked = time.monotonic()

    def now(self) -> view.Service:
        """How it is now."""
        return view.look(self.home, self.before.name)

    def given_up(self, now: view.Service) -> bool:
        """Whether my_init has declared it failed since the request."""
        return now.state == states.FAILED and now.since > self.asked


def run(verb: str, arguments: list[str], letters: bytes, done: "Callable[[Request, view.Service], bool]") -> int:
    """Send letters to each named service and wait until all are done; exit code 0, or 1 and a line for each that is not."""
    try:
        given, names = options.split(arguments, (), ("--timeout",))
        patience = options.seconds(given, "--timeout", _TIMEOUT_SECONDS)
        if not names:
            raise options.refuse(f"usage: dodaictl {verb} [--timeout SECONDS] SERVICE…")
        seen = options.look(names)
        if seen.phase != view.RUNNING_PHASE and seen.phase not in view.BOOT_PHASES:
            raise options.refuse(f"cannot {verb} services: the container stops ({seen.phase})", codes.FAILED)
    except options.Stop as stop:
        return stop.code
    waiting, code = [], codes.OK
    for service in seen.services:
        request = Request(seen.state, service)
        try:
            control.send(request.home, letters)
            waiting.append(request)
        except control.Failed as problem:
            say.error(f"cannot {verb} service '{options.shown(service.name)}': {problem}")
            code = codes.FAILED
    late = _wait(waiting, done, patience)
    for request in late:
        say.error(_why(verb, request, patience))
    return codes.FAILED if late else code


def is_up(request: Request, now: view.Service) -> bool:
    """It runs, is ready, and did not fail at once."""
    return now.pid is not None and now.ready and (now.uptime or 0.0) >= min(_SURVIVED_SECONDS, _uptime(request))


def is_up_again(request: Request, now: view.Service) -> bool:
    """The same as another process than before."""
    return now.pid != request.before.pid and is_up(request, now)


def is_down(_request: Request, now: view.Service) -> bool:
    """It has ended, with its finish, and nothing will start it."""
    return now.pid is None and now.note != view.FINISHING and now.state in (states.DOWN, states.FAILED)


def _uptime(request: Request) -> float:
    """A service that ran before is not asked to prove anything."""
    return request.before.uptime if request.before.uptime is not None else _SURVIVED_SECONDS


def _wait(waiting: list[Request], done: "Callable[[Request, view.Service], bool]", patience: float) -> list[Request]:
    """Those that are not done when the time is over, or that never will be."""
    deadline = time.monotonic() + patience
    hopeless: list[Request] = []
    while waiting and time.monotonic() < deadline:
        left: list[Request] = []
        for request in waiting:
            now = request.now()
            if not done(request, now):
                (hopeless if request.given_up(now) else left).append(request)
        waiting = left
        if waiting:
            time.sleep(_POLL_SECONDS)
    return hopeless + waiting


def _why(verb: str, request: Request, patience: float) -> str:
    now = request.now()
    name = options.shown(now.name)
    ended = f", its last exit was {now.last_exit[0]} {now.last_exit[1]}" if now.last_exit is not None else ""
    if verb == "stop":
        process = f"its process {now.pid} is still there" if now.pid else f"it is {now.note or now.state}"
        return f"service '{name}' has not stopped: {process} after {patience:g} s; dodaictl signal KILL {name} ends it"
    if request.given_up(now):
        return f"service '{name}' has failed{ended}"
    return f"service '{name}' is not ready after {patience:g} s: it is {now.state}{ended}"
