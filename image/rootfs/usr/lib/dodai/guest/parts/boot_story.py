"""What the boot spent its time on, worked out from the boot log: steps, and the chain that decided how long it took."""

from guest.floor import kernel, service_states
from guest.mechanism import files
from guest.parts import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts.events import Event


# A service in one of these keeps nobody waiting.
_ARRIVED = (service_states.READY, service_states.DOWN, service_states.FAILED)


class Step:
    """Something that took time: a label, and when it began and ended, in seconds since the kernel started PID 1."""

    __slots__ = ("begin", "end", "label")

    def __init__(self, label: str, begin: float, end: float) -> None:
        self.label = label
        self.begin = begin
        self.end = end

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin


class Story:
    """The boot: `end` is when it was over (None: not yet), `why` what that moment is, `chain` and `steps` its parts."""

    __slots__ = ("chain", "end", "steps", "why")

    def __init__(self, found: "list[Event]", state: bytes) -> None:
        first = next((event for event in found if event["event"] == "boot"), None)
        zero = events.time_of(first, "started") if first is not None else 0.0
        timed = [(events.time_of(event) - zero, event) for event in found]
        self.why, self.end = _over(timed)
        horizon = self.end if self.end is not None else max((at for at, _ in timed), default=0.0)
        timed = [(at, event) for at, event in timed if at <= horizon]
        before = _before_services(timed)
        services = _services(timed)
        self.steps = [*before, *services.values()]
        self.chain = before + _last_services(services, state)


def _over(timed: "list[tuple[float, Event]]") -> "tuple[str, float | None]":
    """The boot is over when all services are ready; where that is not so yet, when the command started."""
    at = _all_ready(timed)
    if at is not None:
        return "all services are ready", at
    for name, why in (("command-start", "the command starts"), ("stop", "a stop was asked for")):
        for at, event in timed:
            if event["event"] == name:
                return why, at
    return "not over yet", None


def _all_ready(timed: "list[tuple[float, Event]]") -> float | None:
    """The first moment at which services had been started, and none was still on its way."""
    waiting: set[object] = set()
    running = False
    told = next((at for at, event in timed if event["event"] == "ready"), None)
    if told is not None:
        return told
    for at, event in timed:
        if event["event"] == "phase":
            running = running or event.get("phase") in ("services start", "running")
        elif event["event"] == "stop":
            return None
        elif event["event"] == "service":
            if event.get("state") in _ARRIVED:
                waiting.discard(event.get("name"))
                if running and not waiting and event.get("state") != service_states.DOWN:
                    return at
            else:
                waiting.add(event.get("name"))
    return None


def _before_services(timed: "list[tuple[float, Event]]") -> list[Step]:
    """my_init itself, the system logger and the startup files: one after the other."""
    found = []
    scripts: dict[object, float] = {}
    logger_begins = None
    for at, event in timed:
        name = event["event"]
        if name == "boot":
            found.append(Step("my_init", 0.0, at))
        elif name == "phase":
            if event.get("phase") == "syslog starts":
                logger_begins = at
            elif logger_begins is not None:
                found.append(Step("system logger", logger_begins, at))
                logger_begins = None
        elif name == "script-start" and event.get("kind") == "startup":
            scripts[event.get("path")] = at
        elif name == "script-end" and event.get("path") in scripts:
            found.append(Step(str(event["path"]), scripts.pop(event["path"]), at))
    return found


def _services(timed: "list[tuple[float, Event]]") -> dict[str, Step]:
    """Each service that became ready, from the first start of its process to the first time it was ready."""
    begun: dict[str, float] = {}
    found: dict[str, Step] = {}
    for at, event in timed:
        if event["event"] != "service":
            continue
        name, state = str(event.get("name")), event.get("state")
        if name in found:
            continue
        if state == "starting":
            begun.setdefault(name, at)
        elif state == "running" and begun.get(name, -1.0) >= 0:
            begun[name] = at  # waiting for others is not its own time
        elif state == "ready":
            found[name] = Step(name, begun.get(name, at), at)
    return found


def _last_services(services: dict[str, Step], state: bytes) -> list[Step]:
    """The service that was ready last, before it the last of those it needs, and so on; first things first."""
    chain: list[Step] = []
    candidates = dict(services)
    while candidates:
        last = max(candidates.values(), key=lambda step: step.end)
        chain.append(last)
        needs = _depends(state, last.label)
        candidates = {name: services[name] for name in needs if name in services and services[name] not in chain}
    return chain[::-1]


def _depends(state: bytes, name: str) -> list[str]:
    """The names in a service's `depends`: one a line, # begins a comment."""
    text = files.read_or_none(state + b"/service/" + kernel.fsencode(name) + b"/definition/depends") or b""
    lines = (line.split(b"#", 1)[0].strip() for line in text.split(b"\n"))
    return [kernel.fsdecode(line) for line in lines if line]
