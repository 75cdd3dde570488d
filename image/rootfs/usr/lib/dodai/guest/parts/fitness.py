"""Which definitions may be started; why another may not is said once, with the remedy (promise D7)."""

from guest.floor import kernel, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import definition


class Fitness:
    """What has been found out and said. `broken`: by name why a service is not started, for those looked at again."""

    __slots__ = ("_said", "_skipped", "broken")

    def __init__(self) -> None:
        self.broken: dict[bytes, str] = {}  # "" when it has not been said yet
        self._skipped: set[bytes] = set()
        self._said: dict[bytes, str] = {}

    def learn(self, listing: "definition.Listing") -> None:
        """Name what can be no service at all, and forget what is no longer there."""
        for name, why in listing.faults.items():
            if self._said.get(name) != why:
                say.info(why)
        self._said = listing.faults
        there = {what.name for what in listing.definitions} | listing.faults.keys()
        self.broken = {name: why for name, why in self.broken.items() if name in there}

    def passes(self, what: "definition.Definition", *, patient: bool) -> bool:
        """Whether it may be started. patient: a fault is named at the second look, since it may be in the making."""
        name = what.name
        if what.needs_root and kernel.geteuid() != 0:
            if name not in self._skipped:
                say.info(f"service '{say.shown(name)}' is skipped: it needs root, and my_init runs as uid {kernel.geteuid()}")
            self._skipped.add(name)
            return False
        why = what.fault()
        if why is None:
            if name not in self.broken:
                for line in what.settings.complaints:
                    say.error(line)
            return True
        if patient and name not in self.broken:
            why = ""
        elif self.broken.get(name) != why:
            say.info(why)
        self.broken[name] = why
        return False

    def failed(self, name: bytes) -> None:
        """It could not be started, which has been said: it is tried again later."""
        self.broken[name] = "cannot start"

    def unnamed(self) -> bool:
        """Whether there is a fault that the next look will name."""
        return "" in self.broken.values()
