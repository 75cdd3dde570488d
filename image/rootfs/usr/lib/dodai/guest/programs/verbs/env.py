"""dodaictl env: the environment of the container, as services and with_env see it."""

from guest.floor import codes, json_text, say
from guest.mechanism import output
from guest.parts import current
from guest.programs.verbs import options


def run(arguments: list[str]) -> int:
    """Print NAME=VALUE lines sorted by name, the bytes as they are; --json keeps values with newlines apart."""
    try:
        given, others = options.split(arguments, ("--json",))
    except options.Stop as stop:
        return stop.code
    if others:
        say.error("usage: dodaictl env [--json]")
        return codes.USAGE
    try:
        variables = sorted(current.load().variables.items())
    except current.Unreadable as problem:
        say.error(problem.text)
        return codes.FAILED
    if "--json" in given:
        names = {name.decode("utf-8", "surrogateescape"): value for name, value in variables}
        return output.write(json_text.of(names) + "\n")
    return output.write(b"".join(b"%s=%s\n" % pair for pair in variables))
