"""dodaictl logs: the last 64 KiB that one service printed, kept when MY_INIT_LOG_FORMAT is prefix or json."""

import time

from guest.floor import codes, kernel
from guest.mechanism import follow, output
from guest.parts import log_ring
from guest.programs.verbs import following, options

_POLL_SECONDS = 0.1


def run(arguments: list[str]) -> int:
    """Print them; with -f also what comes."""
    try:
        given, names = options.split(arguments, ("--follow", "-f"))
        if len(names) != 1:
            raise options.refuse("usage: dodaictl logs [-f] SERVICE")
        seen = options.look(names)
        name = kernel.fsencode(seen.services[0].name)
        log = _open(seen.state, name)
        while log is None and given:
            time.sleep(_POLL_SECONDS)
            log = _open(seen.state, name)
    except options.Stop as stop:
        return stop.code
    if log is None:
        return codes.OK
    code = output.write(log_ring.tail(log.so_far()))
    return following.run(log) if given and not code else code


def _open(state: bytes, name: bytes) -> follow.Log | None:
    """The ring; None when the service has printed nothing yet. Raises options.Stop."""
    try:
        return follow.Log(log_ring.newer(state, name), log_ring.older(state, name))
    except FileNotFoundError:
        if kernel.exists(log_ring.fifo(state, name, "stdout")):
            return None
        text = "the lines of services are kept with MY_INIT_LOG_FORMAT=prefix or json only; docker logs has them all"
        raise options.refuse(text, codes.FAILED) from None
    except OSError as problem:
        text = f"cannot read the lines of a service: {problem.strerror}; run dodaictl as root or in the group docker_env"
        raise options.refuse(text, codes.FAILED) from None
