"""What runit's runsv keeps in supervise/: the state of a service, read without asking runsv.

The format is that of runit 2.1.2 (runsv.8; sv.c reads it the same way): 12 bytes TAI64N time of the
last change, 4 bytes pid (little endian), then one byte each: paused, wanted ('u', 'd', 'x'),
TERM sent, state (0 down, 1 run, 2 finish).
"""

from guest.mechanism import files

DOWN, RUN, FINISH = 0, 1, 2
LENGTH = 20
_TAI_OFFSET = 4611686018427387914  # TAI64 label of 1970-01-01 00:00:00 UTC as runit writes it


class Status:
    """One supervise/status: state (DOWN, RUN, FINISH), pid (0: none), wanted, since (seconds, real time)."""

    __slots__ = ("paused", "pid", "since", "state", "wanted")

    def __init__(self, data: bytes) -> None:
        self.since = int.from_bytes(data[:8], "big") - _TAI_OFFSET + int.from_bytes(data[8:12], "big") / 1e9
        self.pid = int.from_bytes(data[12:16], "little")
        self.paused = bool(data[16])
        self.wanted = chr(data[17])
        self.state = data[19]

    @property
    def ended(self) -> bool:
        """Nothing of the service runs, not even its finish; runsv may still be in its one-second sleep."""
        return self.state == DOWN and self.pid == 0


def read(supervise: bytes) -> Status | None:
    """The status in a supervise directory; None before runsv has written one."""
    data = files.read_or_none(supervise + b"/status")
    return Status(data) if data is not None and len(data) == LENGTH else None
