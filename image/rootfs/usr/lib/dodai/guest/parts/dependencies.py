"""Which service waits for which: what is wrong with the wishes is named once, what is right is obeyed (promise D2)."""

from guest.floor import say
from guest.parts import order, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import definition, service


class Dependencies:
    """The graph of the services that are there, and what has been said about it."""

    __slots__ = ("_said", "faulty", "graph")

    def __init__(self) -> None:
        self.graph: order.Graph = {}
        self.faulty: set[bytes] = set()  # part of a cycle, or in need of something that does not exist
        self._said: set[str] = set()

    def learn(self, found: "dict[bytes, definition.Definition]") -> None:
        """Take in the wishes of every directory, and name those that cannot be met."""
        self.graph = {name: what.settings.depends for name, what in found.items()}
        self.faulty = set()
        if not any(self.graph.values()):
            return
        for cycle in order.cycles(self.graph):
            self.faulty.update(cycle)
            path = " → ".join(say.shown(name) for name in cycle)
            self._say(f"services depend on each other in a cycle: {path}; they stay down: correct a depends file")
        for name, needs in order.unknown(self.graph).items():
            self.faulty.add(name)
            missing = ", ".join(f"'{say.shown(need)}'" for need in needs)
            self._say(f"service '{say.shown(name)}' stays down: it depends on {missing}, which does not exist")

    def must_wait(self, what: "definition.Definition", running: "dict[bytes, service.Service]") -> bool:
        """Whether a service that is about to be started has to wait for others."""
        needs = what.settings.depends
        return what.name in self.faulty or any(need not in running or not running[need].record.ready for need in needs)

    def startable(self, running: "dict[bytes, service.Service]") -> list[bytes]:
        """The waiting services whose turn has come; what keeps another from ever coming is named."""
        found = []
        for name, one in running.items():
            if not one.waiting or one.supervisor.stopping or name in self.faulty:
                continue
            blockers = [need for need in self.graph.get(name, ()) if need not in running or not running[need].record.ready]
            if not blockers:
                if one.record.wanted:
                    found.append(name)
                continue
            for need in blockers:
                why = _hopeless(running.get(need))
                if why:
                    self._say(f"service '{say.shown(name)}' waits for '{say.shown(need)}', which {why}")
        return found

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            say.error(text)


def _hopeless(one: "service.Service | None") -> str:
    """Why nobody should expect it to become ready soon; empty when it may."""
    if one is None:
        return "cannot be started"
    if one.record.state == record.FAILED:
        return "has failed"
    if one.record.state == record.DOWN and not one.record.wanted:
        return "is down"
    return ""
