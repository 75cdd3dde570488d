"""dodaictl: what runs in this container, for people, scripts and health checks (promise D6).

Each verb is a module of guest.programs.verbs with run(arguments) → exit code.
"""

from guest.floor import codes, kernel, nearest, say
from guest.mechanism import execute, output

HELP = """\
usage: dodaictl status [--json] [SERVICE…]   what each service does now
       dodaictl health [SERVICE…]            exit 1 and name those that should run and do not
       dodaictl ready [--wait SECONDS] [SERVICE…]
                                             exit 1 and name those that are not ready
       dodaictl start|stop|restart [--timeout SECONDS] SERVICE…
                                             ask runit, and wait for the result (10 s)
       dodaictl signal SIGNAL SERVICE…       send a signal, for example HUP
       dodaictl logs [-f] SERVICE            the last 64 KiB that it printed
       dodaictl env [--json]                 the container's environment, as with_env gives it
       dodaictl boot                         what the boot waited for, and its slowest steps
       dodaictl events [-f]                  the boot log, a JSON object a line
       dodaictl lint [--json] [DIR…]         the faults of this image, or of directories that
                                             will be copied into one; no my_init is needed

Without SERVICE all of them. -f goes on with what comes. health and ready fail
while the container boots or stops.

exit code: 0; 1 not healthy, not ready, not done in time, an unknown service, or
no my_init runs here; lint: an error or a warning; 2 wrong usage.
"""

VERBS = ("status", "health", "ready", "start", "stop", "restart", "signal", "logs", "env", "boot", "events", "lint")


def main(argv: list[str]) -> int:
    """Run one verb; returns the exit code."""
    say.PREFIX = "dodaictl: "
    execute.plain_signals()
    if any(argument in ("--help", "-h") for argument in argv[1:]):
        return output.write(HELP)
    if len(argv) < 2:
        say.error("usage: dodaictl VERB [ARGUMENT…]; dodaictl --help names the verbs")
        return codes.USAGE
    verb, arguments = argv[1], argv[2:]
    if verb not in VERBS:
        return _unknown(verb)
    # Only the verb's own module is loaded: health runs every few seconds for a container's whole life.
    module = __import__("guest.programs.verbs." + verb, fromlist=("run",))
    code: int = module.run(arguments)
    return code


def _unknown(verb: str) -> int:
    guess = nearest.nearest(verb, VERBS)
    hint = f"did you mean '{guess}'?" if guess else "dodaictl --help names the verbs"
    say.error(f"unknown verb '{say.shown(kernel.fsencode(verb))}'; {hint}")
    return codes.USAGE
