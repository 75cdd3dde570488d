"""dodaictl: what runs in this container, for people, scripts and health checks (promise D6).

Each verb is a module of guest.programs.verbs with run(arguments) → exit code.
"""

import os

from guest.floor import codes, nearest, say
from guest.mechanism import execute, output

HELP = """\
usage: dodaictl status [--json] [SERVICE…]   what each service does now
       dodaictl health [SERVICE…]            exit 1 and name those that should run and do not
       dodaictl env [--json]                 the container's environment, as with_env gives it

Without SERVICE all of them. dodaictl only looks; sv(8) starts and stops.

exit code: 0; 1 not healthy, an unknown service, or no my_init runs here;
2 wrong usage.
"""

VERBS = ("status", "health", "env")


def main(argv: list[str]) -> int:
    """Run one verb; returns the exit code."""
    say.PREFIX = "dodaictl: "
    execute.plain_signals()
    if any(argument in ("--help", "-h") for argument in argv[1:]):
        return output.write(HELP)
    if len(argv) < 2:
        say.error(f"usage: dodaictl {'|'.join(VERBS)} [--json] [SERVICE…]; dodaictl --help says more")
        return codes.USAGE
    verb, arguments = argv[1], argv[2:]
    # Only the verb's own module is loaded: health runs every few seconds for a container's whole life.
    if verb == "status":
        from guest.programs.verbs import status

        return status.run(arguments)
    if verb == "health":
        from guest.programs.verbs import health

        return health.run(arguments)
    if verb == "env":
        from guest.programs.verbs import env

        return env.run(arguments)
    return _unknown(verb)


def _unknown(verb: str) -> int:
    guess = nearest.nearest(verb, VERBS)
    hint = f"did you mean '{guess}'?" if guess else "dodaictl --help names the verbs"
    say.error(f"unknown verb '{say.shown(os.fsencode(verb))}'; {hint}")
    return codes.USAGE
