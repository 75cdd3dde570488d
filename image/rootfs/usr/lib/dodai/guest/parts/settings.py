"""The small files beside `run` that say how a service is to be treated (promises D2 to D4).

A value that cannot be understood is named with what would be right, and the default holds.
"""

from guest.floor import say
from guest.mechanism import files, signals

READY_SECONDS = 30.0
NAMES = frozenset(
    (b"depends", b"critical", b"max-restarts", b"stop-signal", b"stop-timeout", b"ready-timeout", b"notification-fd", b"notify")
)
_LARGEST_FD = 1023  # what a process may open where nobody has raised the limit


class Settings:
    """What the files say; `complaints` are the lines about those that say nothing sensible."""

    __slots__ = (
        "_directory",
        "complaints",
        "critical",
        "depends",
        "max_restarts",
        "notification_fd",
        "notify",
        "ready_timeout",
        "stop_signal",
        "stop_timeout",
    )

    def __init__(self, directory: bytes, entries: frozenset[bytes]) -> None:
        """entries: the names in the directory."""
        self._directory = directory
        self.complaints: list[str] = []
        present = NAMES.intersection(entries)
        self.critical = b"critical" in present
        self.notify = b"notify" in present
        self.depends = self._names() if b"depends" in present else ()
        self.max_restarts = self._whole(b"max-restarts", 0, 1 << 31) if b"max-restarts" in present else None
        self.notification_fd = self._whole(b"notification-fd", 3, _LARGEST_FD) if b"notification-fd" in present else None
        self.stop_signal = self._signal() if b"stop-signal" in present else None
        self.stop_timeout = self._seconds(b"stop-timeout") if b"stop-timeout" in present else None
        ready = self._seconds(b"ready-timeout") if b"ready-timeout" in present else None
        self.ready_timeout = READY_SECONDS if ready is None else ready

    def _names(self) -> tuple[bytes, ...]:
        lines = (line.split(b"#", 1)[0].strip() for line in self._read(b"depends").split(b"\n"))
        return tuple(dict.fromkeys(line for line in lines if line))

    def _whole(self, name: bytes, smallest: int, largest: int) -> int | None:
        text = self._read(name).strip()
        if text.isdigit() and smallest <= int(text) <= largest:
            return int(text)
        self._refuse(name, text, f"a whole number from {smallest} on", "it is ignored")
        return None

    def _seconds(self, name: bytes) -> float | None:
        text = self._read(name).strip()
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if 0 <= value <= 1e9:  # also refuses nan
            return value
        self._refuse(name, text, "a number of seconds", "the default is used")
        return None

    def _signal(self) -> int | None:
        text = self._read(b"stop-signal").strip()
        number = signals.number(text.decode("ascii", "replace"))
        if number is not None:
            return number
        self._refuse(b"stop-signal", text, "the name of a signal, such as QUIT", "TERM is used")
        return None

    def _read(self, name: bytes) -> bytes:
        return files.read_or_none(self._directory + b"/" + name) or b""

    def _refuse(self, name: bytes, text: bytes, wanted: str, instead: str) -> None:
        path = say.shown(self._directory + b"/" + name)
        self.complaints.append(f"{path}: '{say.shown(text[:80])}' is not {wanted}; {instead}")
