"""What the events of a boot log mean: rows of bars in time. Seconds count from the moment the kernel started PID 1."""

from __future__ import annotations

import dataclasses

from dodai.features.chart.read import Event

# What a bar is about; the picture has a colour for each.
PHASE, SCRIPT, HOOK, COMMAND = "phase", "script", "hook", "command"
FAILED_SCRIPT = "failed"
OPEN = float("inf")

_STOP_PHASES = ("pre-shutdown hooks", "services stop", "others stop", "syslog stops", "post-shutdown hooks")


@dataclasses.dataclass(slots=True)
class Bar:
    """From `begin` to `end` (OPEN: it goes on), of a kind or a service's state, with what hovering tells."""

    begin: float
    end: float
    kind: str
    about: str


@dataclasses.dataclass(slots=True)
class Row:
    """A line of the picture."""

    label: str
    group: str
    bars: list[Bar]


@dataclasses.dataclass(slots=True)
class Mark:
    """A moment that concerns everything."""

    at: float
    label: str


@dataclasses.dataclass(slots=True)
class Timeline:
    """`booted`: when the boot was over; `stopping`: when the stop began (None: it has not); `last`: the last event."""

    rows: list[Row]
    marks: list[Mark]
    booted: float
    stopping: float | None
    last: float


def make(events: list[Event]) -> Timeline:
    """The timeline of a boot log with at least one event."""
    first = next((event for event in events if event["event"] == "boot"), events[0])
    zero = float(first["started"] if "started" in first else first["t"])
    timed = [(float(event["t"]) - zero, event) for event in events]
    last = timed[-1][0]
    stopping = next((at for at, event in timed if event["event"] == "stop" or event.get("phase") in _STOP_PHASES), None)
    ready = _all_ready(timed)
    started = next((at for at, event in timed if event["event"] == "command-start"), None)
    boot = [at for at in (ready, started) if at is not None]
    before = [at for at, _ in timed if stopping is None or at <= stopping]
    rows = [_phases(timed), *_scripts(timed), *_services(timed), *_command(timed)]
    marks = ([Mark(ready, "ready")] if ready is not None else []) + _marks(timed)
    return Timeline([row for row in rows if row.bars], marks, max(boot, default=before[-1]), stopping, last)


def how(event: Event) -> str:
    """How something ended, in words."""
    if "signal" in event:
        return f"killed by signal {event['signal']}"
    return f"exit code {event['code']}" if "code" in event else ""


def _all_ready(timed: list[tuple[float, Event]]) -> float | None:
    """The first moment at which services had been started, and none was still on its way; as `dodaictl boot` has it."""
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
            if event.get("state") not in ("ready", "down", "failed"):
                waiting.add(event.get("name"))
                continue
            waiting.discard(event.get("name"))
            if running and not waiting and event.get("state") != "down":
                return at
    return None


def _phases(timed: list[tuple[float, Event]]) -> Row:
    row = Row("my_init", "", [])
    for at, event in timed:
        if event["event"] == "boot":
            row.bars.append(Bar(0.0, at, PHASE, "the interpreter starts"))
        elif event["event"] == "phase" and event.get("phase") != "ended":
            _close(row, at)
            row.bars.append(Bar(at, OPEN, PHASE, str(event.get("phase"))))
        elif event["event"] in ("phase", "exit"):
            _close(row, at)
    return row


def _scripts(timed: list[tuple[float, Event]]) -> list[Row]:
    rows: dict[str, Row] = {}
    for at, event in timed:
        path = str(event.get("path"))
        if event["event"] == "script-start":
            startup = event.get("kind") == "startup"
            row = rows.setdefault(path, Row(path, "startup files" if startup else "hooks", []))
            row.bars.append(Bar(at, OPEN, SCRIPT if startup else HOOK, path))
        elif event["event"] == "script-end" and path in rows:
            _close(rows[path], at)
            bar = rows[path].bars[-1]
            bar.about = f"{path}: {how(event)}"
            bar.kind = FAILED_SCRIPT if event.get("code", 1) else bar.kind
    return list(rows.values())


def _services(timed: list[tuple[float, Event]]) -> list[Row]:
    rows: dict[str, Row] = {}
    for at, event in timed:
        if event["event"] in ("unhealthy", "healthy") and event.get("name") in rows:
            bars = rows[event["name"]].bars
            if bars and bars[-1].kind in ("ready", "unhealthy"):
                _close(rows[event["name"]], at)
                kind = "ready" if event["event"] == "healthy" else "unhealthy"
                bars.append(Bar(at, OPEN, kind, f"{event['name']}: {event['event']}"))
        if event["event"] != "service":
            continue
        name, state = str(event.get("name")), str(event.get("state"))
        row = rows.setdefault(name, Row(name, "services", []))
        _close(row, at)
        if state != "down":
            row.bars.append(Bar(at, OPEN, state, _about(name, state, event)))
    return list(rows.values())


def _about(name: str, state: str, event: Event) -> str:
    words = [f"{name}: {state}"]
    words += [f"pid {event['pid']}"] if "pid" in event else []
    words += [how(event)] if how(event) else []
    words += [f"restart {event['restarts']}"] if "restarts" in event else []
    words += [f"waits {event['delay']:g} s"] if "delay" in event else []
    words += [str(event["reason"])] if "reason" in event else []
    return ", ".join(words)


def _command(timed: list[tuple[float, Event]]) -> list[Row]:
    row = Row("", "command", [])
    for at, event in timed:
        if event["event"] == "command-start":
            row.label = str(event.get("program"))
            row.bars.append(Bar(at, OPEN, COMMAND, f"{row.label}, pid {event.get('pid')}"))
        elif event["event"] == "command-end":
            _close(row, at)
            row.bars[-1].about += f": {how(event)}"
    return [row]


def _marks(timed: list[tuple[float, Event]]) -> list[Mark]:
    found: list[Mark] = []
    for at, event in timed:
        if event["event"] == "stop":
            causes = {key: value for key, value in event.items() if key in ("signal", "service", "script", "command")}
            cause = next((str(value) if key != "command" else "command ended" for key, value in causes.items()), "")
            found.append(Mark(at, f"stop: {cause}" if cause else "stop"))
        elif event["event"] == "exit":
            found.append(Mark(at, f"exit {event.get('code')}"))
    return found


def _close(row: Row, at: float) -> None:
    if row.bars and row.bars[-1].end == OPEN:
        row.bars[-1].end = at
