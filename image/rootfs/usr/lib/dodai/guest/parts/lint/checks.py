"""All checks of a tree, one after the other; a new one is a module beside this and a line here."""

from guest.floor import paths
from guest.parts.lint import cron, finding, logfiles, packages, services, startup, tree

_LEVELS = ("error", "warning", "note")


class Nothing(Exception):
    """The directory is neither laid out like /, nor a service, nor a directory of services."""


def run(root: bytes) -> list[finding.Finding]:
    """Every finding in root: a tree like /, one service directory, or a directory of them. Raises Nothing."""
    where = tree.Tree(root)
    if where.is_directory(b"/etc"):
        names = _services(where, paths.SERVICES)
        found = services.check(where, paths.SERVICES, names, alone=not where.whole)
        found += startup.check(where)
        found += logfiles.check(where, paths.SERVICES, names)
        found += packages.check(where)
        found += cron.check(where)
        return _sorted(found)
    if where.there(b"/run"):
        parent, _, name = (root.rstrip(b"/") or b"/").rpartition(b"/")
        where = tree.Tree(parent)
        found = services.check(where, b"", [name], alone=True) + logfiles.check(where, b"", [name])
        for one in found:
            one.path = one.path.removeprefix(b"/" + name)
        return _sorted(found)
    names = [name for name in _services(where, b"") if where.there(b"/" + name + b"/run")]
    if not names:
        raise Nothing
    return _sorted(services.check(where, b"", names, alone=False) + logfiles.check(where, b"", names))


def _services(where: tree.Tree, directory: bytes) -> list[bytes]:
    return [name for name in where.names(directory) if not name.startswith(b".")]


def _sorted(found: list[finding.Finding]) -> list[finding.Finding]:
    return sorted(found, key=lambda one: (_LEVELS.index(one.level), one.path, one.line))
