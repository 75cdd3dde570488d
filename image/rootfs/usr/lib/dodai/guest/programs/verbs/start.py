"""dodaictl start: start services and wait until they are ready."""

from guest.parts import control
from guest.programs.verbs import commanding


def run(arguments: list[str]) -> int:
    """Start services and wait until they are ready."""
    return commanding.run("start", arguments, control.UP, commanding.is_up)
