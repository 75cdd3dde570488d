"""The boot log as dodaictl reads it: STATE/events, and events.old once that grew large."""

from guest.floor import json_read
from guest.mechanism import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    Event = dict[str, json_read.Value]


def newer(state: bytes) -> bytes:
    """The file that my_init appends to."""
    return state + b"/events"


def older(state: bytes) -> bytes:
    """What it was before it grew too large."""
    return state + b"/events.old"


def read(state: bytes) -> "list[Event]":
    """All events, oldest first. Raises OSError. A line that is not whole yet, or not an event, is left out."""
    text = (files.read_or_none(older(state)) or b"") + files.read(newer(state))
    found = []
    for line in text.split(b"\n"):
        try:
            event = json_read.text(line.decode("utf-8", "replace"))
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("t"), int | float) and isinstance(event.get("event"), str):
            found.append(event)
    return found


def time_of(event: "Event", member: str = "t") -> float:
    """A time of an event in monotonic seconds."""
    value = event.get(member)
    return float(value) if isinstance(value, int | float) else 0.0
