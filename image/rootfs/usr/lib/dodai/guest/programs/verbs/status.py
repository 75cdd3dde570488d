"""dodaictl status: a table of the services, or the same as JSON."""

import os

from guest.floor import json_text, say
from guest.mechanism import output
from guest.parts import view
from guest.programs.verbs import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HEADINGS = ("SERVICE", "STATE", "WANTED", "PID", "FOR")


def run(arguments: list[str]) -> int:
    """Print what each service does; exit code 0 whatever that is."""
    try:
        given, names = options.split(arguments, ("--json",))
        seen = options.look(names)
    except options.Stop as stop:
        return stop.code
    if "--json" in given:
        services = [_members(service) for service in seen.services]
        return output.write(json_text.of({"my_init": {"pid": seen.pid}, "services": services}) + "\n")
    if not seen.services:
        say.error("my_init supervises no service here")
        return output.write("")
    unreadable = any(service.state == view.UNREADABLE for service in seen.services)
    code = output.write(table([HEADINGS, *(_cells(service) for service in seen.services)]))
    if unreadable:
        say.error("runit shows the state of a service to the user my_init runs as only; run dodaictl as that user")
    return code


def table(rows: "Sequence[Sequence[str]]") -> str:
    """Rows as aligned columns, two spaces apart, without spaces at the end of a line."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(line.rstrip() + "\n" for line in lines)


def duration(seconds: float) -> str:
    """Two units at most: 12s, 3m 5s, 2h 10m, 4d 1h."""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    if minutes:
        return f"{minutes}m {whole % 60}s"
    return f"{whole}s"


def _cells(service: view.Service) -> tuple[str, ...]:
    return (
        say.shown(os.fsencode(service.name)),
        service.state,
        service.wanted or "-",
        str(service.pid or "-"),
        "-" if service.seconds is None else duration(service.seconds),
    )


def _members(service: view.Service) -> dict[str, "json_text.Value"]:
    return {
        "name": os.fsencode(service.name),
        "state": service.state,
        "wanted": service.wanted,
        "pid": service.pid,
        "seconds": None if service.seconds is None else round(service.seconds, 3),
        "healthy": service.healthy,
    }
