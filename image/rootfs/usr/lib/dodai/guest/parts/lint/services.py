"""Service directories: what would keep one from running, or run it otherwise than meant (promises D1 to D4, D7)."""

import os

from guest.floor import nearest, say
from guest.parts import order, settings
from guest.parts.lint import finding, foreground, programs, tree

_RUNIT = frozenset((b"run", b"finish", b"check", b"down", b"log", b"supervise", b"control"))
_KNOWN = _RUNIT | settings.NAMES | {b"needs-root"}
_CONTROLS = frozenset(b"tucdopxhai12qk")  # runsv.8, "CONTROL": control/t and so on
_SMALL = 64  # bytes: as large as a setting may be; anything more is the service's own


def check(where: tree.Tree, directory: bytes, names: list[bytes], alone: bool) -> list[finding.Finding]:
    """The services called names below directory. alone: others, which they may depend on, are elsewhere."""
    found: list[finding.Finding] = []
    graph: order.Graph = {}
    for name in names:
        path = directory + b"/" + name
        if where.is_directory(path):
            found += _service(where, path)
            read = settings.Settings(where.real(path), frozenset(os.listdir(where.real(path))))
            graph[name] = read.depends
            found += _complaints(where, path, read)
        elif where.link(path) is not None:
            broken = programs.check(where, path)
            found += [broken] if broken is not None else []
    return found + _graph(directory, graph, alone)


def _service(where: tree.Tree, path: bytes) -> list[finding.Finding]:
    entries = where.names(path)
    if b"run" not in entries:
        remedy = f"add {say.shown(path)}/run, an executable that stays in the foreground"
        return [finding.Finding("no-run", path, "there is no run file in it", remedy)]
    executables = [path + b"/" + entry for entry in (b"run", b"finish", b"check") if entry in entries]
    if where.is_directory(path + b"/log"):
        executables.append(path + b"/log/run")
    controls = [entry for entry in where.names(path + b"/control") if len(entry) == 1 and entry[0] in _CONTROLS]
    executables += [path + b"/control/" + entry for entry in controls]
    found = [one for one in (programs.check(where, executable) for executable in executables) if one is not None]
    if path + b"/run" not in {one.path for one in found}:
        found += foreground.check(where, path + b"/run")
    return found + [one for entry in entries if (one := _stranger(where, path, entry)) is not None]


def _stranger(where: tree.Tree, path: bytes, entry: bytes) -> finding.Finding | None:
    """A file that looks like a setting and is none: misspelt, or of another supervisor."""
    here = path + b"/" + entry
    if entry in _KNOWN or entry.startswith(b".") or not where.is_file(here) or where.is_executable(here):
        return None
    if where.size(here) > _SMALL:
        return None
    guess = nearest.nearest(say.shown(entry), [known.decode() for known in sorted(_KNOWN)])
    remedy = f"did you mean '{guess}'?" if guess else "remove it, unless the service itself reads it"
    return finding.Finding("unknown-file", here, "it means nothing to runit or my_init", remedy)


def _complaints(where: tree.Tree, path: bytes, read: settings.Settings) -> list[finding.Finding]:
    found = []
    for complaint in read.complaints:
        # "DIRECTORY/NAME: 'VALUE' is not …; what happens instead", where the directory is the one outside of the tree.
        name, _, rest = complaint.removeprefix(say.shown(where.real(path)) + "/").partition(": ")
        why, _, instead = rest.partition("; ")
        found.append(finding.Finding("bad-setting", path + b"/" + name.encode(), why, f"correct it: {instead}"))
    return found


def _graph(directory: bytes, graph: "order.Graph", alone: bool) -> list[finding.Finding]:
    found = []
    for name, needs in order.unknown(graph).items() if not alone else ():
        for need in needs:
            guess = nearest.nearest(say.shown(need), [say.shown(one) for one in graph])
            remedy = f"did you mean '{guess}'?" if guess else f"add {say.shown(directory + b'/' + need)}, or remove the line"
            why = f"there is no service '{say.shown(need)}'"
            found.append(finding.Finding("unknown-dependency", directory + b"/" + name + b"/depends", why, remedy))
    for cycle in order.cycles(graph):
        why = " → ".join(say.shown(name) for name in cycle)
        remedy = "let one of them start without the other"
        found.append(finding.Finding("dependency-cycle", directory + b"/" + cycle[0] + b"/depends", why, remedy))
    return found
