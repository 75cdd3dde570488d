"""dodaictl signal: send services a signal."""

from guest.floor import codes, kernel, say
from guest.mechanism import signals
from guest.parts import control
from guest.programs.verbs import options


def run(arguments: list[str]) -> int:
    """Send the signal and wait for nothing: what it means is the service's."""
    try:
        _, words = options.split(arguments)
        if len(words) < 2:
            raise options.refuse("usage: dodaictl signal SIGNAL SERVICE…, for example dodaictl signal HUP web")
        number = signals.number(words[0])
        if number is None:
            raise options.refuse(f"unknown signal '{options.shown(words[0])}'; kill -l lists them")
        seen = options.look(words[1:])
    except options.Stop as stop:
        return stop.code
    code = codes.OK
    for service in seen.services:
        try:
            control.signal(seen.state + b"/service/" + kernel.fsencode(service.name), number)
        except control.Failed as problem:
            say.error(f"cannot send {signals.name(number)} to service '{options.shown(service.name)}': {problem}")
            code = codes.FAILED
    return code
