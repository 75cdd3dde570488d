"""dodaictl status: a table of the services, or the same as JSON."""

from guest.floor import json_text, say
from guest.mechanism import output
from guest.parts import view
from guest.programs.verbs import options, table

HEADINGS = ("SERVICE", "STATE", "PID", "FOR", "RESTARTS", "LAST EXIT", "HEALTH", "")


def run(arguments: list[str]) -> int:
    """Print what each service does; exit code 0 whatever that is."""
    try:
        given, names = options.split(arguments, ("--json",))
        seen = options.look(names)
    except options.Stop as stop:
        return stop.code
    if "--json" in given:
        services = [_members(service) for service in seen.services]
        return output.write(json_text.of({"phase": seen.phase, "services": services}) + "\n")
    if seen.phase != view.RUNNING_PHASE:
        say.error(f"my_init is at: {seen.phase}")
    if not seen.services:
        say.error("my_init supervises no service here")
        return output.write("")
    code = output.write(table.text([HEADINGS, *(_cells(service) for service in seen.services)]))
    if not all(service.live for service in seen.services):
        say.error("runit shows the processes of services to the user my_init runs as only; run dodaictl as that user")
    return code


def _cells(service: view.Service) -> tuple[str, ...]:
    notes = [service.note] if service.note else []
    notes += ["wanted down"] if service.wanted == "down" != service.state else []
    notes += ["critical"] if service.critical else []
    return (
        options.shown(service.name),
        service.state,
        str(service.pid or "-"),
        "-" if service.age is None else table.duration(service.age),
        str(service.restarts),
        "-" if service.last_exit is None else f"{service.last_exit[0]} {service.last_exit[1]}",
        "healthy" if service.healthy else "unhealthy",
        ", ".join(notes),
    )


def _members(service: view.Service) -> "dict[str, json_text.Value]":
    return {
        "name": service.name.encode("utf-8", "surrogateescape"),
        "state": service.state,
        "wanted": service.wanted,
        "pid": service.pid,
        "uptime_s": None if service.uptime is None else round(service.uptime, 3),
        "restarts": service.restarts,
        "last_exit": None if service.last_exit is None else {service.last_exit[0]: service.last_exit[1]},
        "ready": service.ready,
        "healthy": service.healthy,
        "critical": service.critical,
    }
