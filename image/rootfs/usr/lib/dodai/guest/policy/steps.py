"""Startup files and hooks: one script at a time, told to people and to the boot log; how an end is put in words."""

from guest.floor import codes, say
from guest.mechanism import events, signals, spawn
from guest.policy import init


def begin(path: bytes, variables: dict[bytes, bytes], kind: str) -> init.Step:
    """Start a startup file or hook and say so. Raises program.CannotStart."""
    say.info(f"running {say.shown(path)}")
    pid = spawn.start([path], variables, path=path)
    events.write("script-start", path=path, pid=pid, kind=kind)
    return init.Step(pid, path)


def end(step: init.Step, status: int) -> bytes:
    """Tell the boot log; the script's path."""
    events.write("script-end", path=step.path, pid=step.pid, **ending(status))
    return step.path


def ending(status: int) -> dict[str, int]:
    """A wait status as the member of an event: the exit code or the signal."""
    return {"signal": status & 0x7F} if status & 0x7F else {"code": codes.of_status(status)}


def how_it_ended(status: int) -> str:
    """A wait status in words."""
    number = status & 0x7F
    if number:
        return f"killed by signal {number} ({signals.name(number)})"
    return f"exit code {codes.of_status(status)}"
