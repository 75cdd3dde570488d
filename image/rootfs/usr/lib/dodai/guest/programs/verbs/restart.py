"""dodaictl restart: end services, let runit start them again, and wait until they are ready."""

from guest.parts import control
from guest.programs.verbs import commanding


def run(arguments: list[str]) -> int:
    """Restart services that run, start those that do not."""
    return commanding.run("restart", arguments, control.AGAIN, commanding.is_up_again)
