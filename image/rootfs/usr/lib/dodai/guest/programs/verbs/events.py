"""dodaictl events: the boot log, a JSON object a line, for programs; --follow goes on with what comes."""

from guest.floor import codes
from guest.mechanism import follow, output
from guest.parts import events
from guest.programs.verbs import following, options


def run(arguments: list[str]) -> int:
    """Print every event of this boot."""
    try:
        given, others = options.split(arguments, ("--follow", "-f"))
        if others:
            raise options.refuse("usage: dodaictl events [--follow]")
        state = options.state()
        try:
            log = follow.Log(events.newer(state), events.older(state))
            code = output.write(log.so_far())
        except OSError as problem:
            raise options.refuse(f"cannot read the boot log: {problem.strerror}", codes.FAILED) from None
    except options.Stop as stop:
        return stop.code
    return following.run(log) if given and not code else code
