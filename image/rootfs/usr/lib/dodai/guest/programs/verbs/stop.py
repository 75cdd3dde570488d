"""dodaictl stop: stop services and wait until they have ended; they stay down until started."""

from guest.parts import control
from guest.programs.verbs import commanding


def run(arguments: list[str]) -> int:
    """Stop services and wait until they have ended; they stay down until started."""
    return commanding.run("stop", arguments, control.DOWN, commanding.is_down)
