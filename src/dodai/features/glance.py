"""All containers that are built on Dodai, with their services, as `dodaictl status --json` tells them."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
from typing import TYPE_CHECKING, Any

from dodai import engine, errors

if TYPE_CHECKING:
    from rich.table import Table

DODAICTL = "/usr/sbin/dodaictl"
_AT_ONCE = 8  # execs; each is mostly waiting for the engine

_COLOURS = {
    "ready": "green",
    "running": "green",
    "starting": "yellow",
    "backoff": "red",
    "failed": "bold red",
    "stopping": "yellow",
    "down": "dim",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """One container. `status` is what dodaictl printed, None where no my_init runs in it."""

    engine: str
    name: str
    identity: str
    status: dict[str, Any] | None

    def members(self) -> dict[str, object]:
        """As JSON has it."""
        return {"engine": self.engine, "name": self.name, "id": self.identity, "status": self.status}


def take() -> list[Seen]:
    """Look into every running container of every engine that answers. Raises EngineError when none does."""
    engines = list(engine.available())
    if not engines:
        engine.find()
    listed = [(found, *row) for found in engines for row in found.containers()]
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        seen = list(pool.map(lambda one: _look(*one), listed))
    return sorted((one for one in seen if one is not None), key=lambda one: (one.engine, one.name))


def table(seen: list[Seen]) -> Table:
    """The services as a table: a line for each container, and below it its services."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("CONTAINER", "STATE", "PID", "FOR", "RESTARTS", "LAST EXIT"):
        shown.add_column(heading, no_wrap=True, justify="right" if heading in ("PID", "FOR", "RESTARTS") else "left")
    for one in seen:
        phase = one.status["phase"] if one.status is not None else "no my_init"
        shown.add_row(Text(one.name, "bold"), Text("" if phase == "running" else phase, "yellow"))
        for service in one.status["services"] if one.status is not None else []:
            state = str(service["state"])
            sick = state in ("running", "ready", "stopping", "down") and not service["healthy"]
            shown.add_row(
                f"  {_clean(service['name'])}",
                Text(f"{state}, unhealthy" if sick else state, "red" if sick else _COLOURS.get(state, "")),
                *_cells(service),
            )
    return shown


def duration(seconds: float) -> str:
    """Two units at most: 12s, 3m 5s, 2h 10m, 4d 1h."""
    whole = int(seconds)
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // below}{small}"
    return f"{whole}s"


def _cells(service: dict[str, Any]) -> tuple[str, ...]:
    last = service["last_exit"]
    return (
        str(service["pid"] or "-"),
        "-" if service["uptime_s"] is None else duration(service["uptime_s"]),
        str(service["restarts"]),
        "-" if last is None else " ".join(f"{kind} {number}" for kind, number in last.items()),
    )


def _clean(name: str) -> str:
    """A name from inside a container must not move the cursor, nor be taken for markup."""
    return "".join(c if c.isprintable() else "�" for c in name).replace("[", "\\[")


def _look(found: engine.Engine, identity: str, name: str) -> Seen | None:
    """None for a container that is not built on Dodai, or has gone meanwhile."""
    try:
        done = found.exec(
            identity, [DODAICTL, "status", "--json"], doing=f'look into "{name}"', options=["--user=0"], check=False
        )
    except errors.EngineError:
        return None
    if done.ok:
        try:
            return Seen(found.kind, name, identity, json.loads(done.stdout))
        except json.JSONDecodeError:
            return None
    return Seen(found.kind, name, identity, None) if "no my_init runs here" in done.stderr else None
