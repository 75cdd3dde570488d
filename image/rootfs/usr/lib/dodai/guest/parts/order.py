"""Who needs whom: cycles, unknown names, and who may stop now (promise D2). Pure functions of a graph.

A graph is a dictionary: name → the names it depends on.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    Graph = dict[bytes, tuple[bytes, ...]]


def cycles(graph: "Graph") -> list[list[bytes]]:
    """Each cycle once, as the path that leads from its first name back to it: [a, b, a]."""
    found: list[list[bytes]] = []
    done: set[bytes] = set()
    path: list[bytes] = []
    on_path: dict[bytes, int] = {}
    # Each entry: a name and those of its needs that are still to follow. No recursion: a chain may be long.
    waiting: list[tuple[bytes, list[bytes]]] = []

    def enter(name: bytes) -> None:
        on_path[name] = len(path)
        path.append(name)
        waiting.append((name, sorted(need for need in graph[name] if need in graph)))

    for first in sorted(graph):
        if first not in done:
            enter(first)
        while waiting:
            name, needs = waiting[-1]
            if not needs:
                waiting.pop()
                path.pop()
                del on_path[name]
                done.add(name)
                continue
            need = needs.pop(0)
            if need in on_path:
                found.append([*path[on_path[need] :], need])
            elif need not in done:
                enter(need)
    return found


def unknown(graph: "Graph") -> dict[bytes, list[bytes]]:
    """name → what it depends on that does not exist."""
    missing = {name: [need for need in needs if need not in graph] for name, needs in graph.items()}
    return {name: needs for name, needs in missing.items() if needs}


def dependents(graph: "Graph") -> dict[bytes, set[bytes]]:
    """name → who depends on it directly."""
    found: dict[bytes, set[bytes]] = {name: set() for name in graph}
    for name, needs in graph.items():
        for need in needs:
            if need in found and need != name:
                found[need].add(name)
    return found


def may_stop(graph: "Graph", alive: set[bytes]) -> set[bytes]:
    """Those of alive that nobody alive depends on; all of them where only cycles are left."""
    needed = {need for name in alive for need in graph.get(name, ()) if need != name}
    return (alive - needed) or set(alive)


def depth(graph: "Graph", alive: set[bytes]) -> int:
    """In how many steps, one after the other, all of alive can stop."""
    steps = 0
    left = set(alive)
    while left:
        left -= may_stop(graph, left)
        steps += 1
    return steps
