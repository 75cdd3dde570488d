"""dodaictl health: whether every service that should run does; made for HEALTHCHECK."""

import os

from guest.floor import codes, say
from guest.mechanism import output
from guest.programs.verbs import options


def run(arguments: list[str]) -> int:
    """Exit code 0 when all are healthy; otherwise 1 and a line for each that is not."""
    try:
        _, names = options.split(arguments)
        seen = options.look(names)
    except options.Stop as stop:
        return stop.code
    sick = [service for service in seen.services if not service.healthy]
    # On standard output: that is what `docker inspect` keeps of a health check.
    lines = [f"{say.shown(os.fsencode(s.name))} is {s.state}{_but(s.wanted)}\n" for s in sick]
    return output.write("".join(lines)) or (codes.FAILED if sick else codes.OK)


def _but(wanted: str | None) -> str:
    return f", wanted {wanted}" if wanted else ""
