"""dodaictl health: whether every service that should run does; made for HEALTHCHECK."""

from guest.floor import codes
from guest.mechanism import output
from guest.parts import view
from guest.programs.verbs import options


def run(arguments: list[str]) -> int:
    """Exit code 0 when all are healthy; otherwise 1 and a line for each that is not."""
    try:
        _, names = options.split(arguments)
        seen = options.look(names)
    except options.Stop as stop:
        return stop.code
    # On standard output: that is what `docker inspect` keeps of a health check.
    lines = [f"{options.shown(s.name)} is {s.state}{_but(s)}\n" for s in seen.services if not s.healthy]
    if seen.phase != view.RUNNING_PHASE:
        # Not yet, or no longer: whoever sends requests by this answer should send none.
        lines.insert(0, f"my_init is at: {seen.phase}\n")
    return output.write("".join(lines)) or (codes.FAILED if lines else codes.OK)


def _but(service: view.Service) -> str:
    words = [service.note] if service.note else []
    if service.last_exit is not None and service.pid is None:
        words.append(f"last exit {service.last_exit[0]} {service.last_exit[1]}")
    return f" ({', '.join(words)})" if words else ""
