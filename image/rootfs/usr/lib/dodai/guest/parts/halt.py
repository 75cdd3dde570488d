"""The services' part of the stop: who needs others ends first, independent ones end together (promise D2)."""

from guest.floor import say
from guest.parts import definition, order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import service, services


def step(of: "services.Services", now: float, deadline: float, *, syslog: bool = False) -> "list[service.Service]":
    """Ask those to end whose turn has come, kill those past their time; who is left, asked or not.

    Each has its share of what is left until the deadline: where two have to end one after the other,
    the first may take half of it, so that one that hangs does not take everybody's time. syslog: the
    system logger's own turn; otherwise it is left alone. Times are monotonic seconds.
    """
    alive = {
        name: one
        for name, one in of.running.items()
        if (name == definition.SYSLOG) == syslog and not (one.supervisor.stopping and one.gone())
    }
    graph = {name: of.dependencies.graph.get(name, ()) for name in alive}
    for name in order.may_stop(graph, set(alive)):
        one = alive[name]
        if not one.supervisor.stopping:
            one.stop()
            one.kill_at = now + _patience(one, max(0.0, deadline - now) / order.depth(graph, set(alive)))
    leaving = of.leaving()
    for one in leaving:
        if one.kill_at == float("inf"):  # asked when its directory went; its time in this stop begins now
            one.kill_at = now + _patience(one, max(0.0, deadline - now))
    left = [*alive.values(), *leaving]
    for one in left:
        if one.supervisor.stopping and not one.killed and now >= min(one.kill_at, deadline):
            kill(one)
    return left


def _patience(one: "service.Service", share: float) -> float:
    """Seconds: its share, or less where its stop-timeout says so."""
    wish = one.definition.settings.stop_timeout
    return share if wish is None else min(wish, share)


def kill(one: "service.Service") -> None:
    """Its time is over."""
    say.error(f"service '{say.shown(one.name)}' did not stop in time; it is killed")
    one.killed = True
    one.supervisor.kill()


def due(left: "list[service.Service]", deadline: float) -> float:
    """When to take the next step though nothing is heard."""
    return min((one.kill_at for one in left if one.supervisor.stopping and not one.killed), default=deadline)
