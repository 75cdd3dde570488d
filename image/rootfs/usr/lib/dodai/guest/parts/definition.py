"""A service directory as people write it: what it holds and what is wrong with it. Nothing is run."""

import os

from guest.floor import paths, say
from guest.mechanism import program
from guest.parts import settings

SYSLOG = b"syslog-ng"


class Definition:
    """One directory of /etc/service: its name, path, identity (device, inode) and how it is to be treated."""

    __slots__ = ("_entries", "identity", "name", "needs_root", "path", "settings")

    def __init__(self, name: bytes, directory: bytes = paths.SERVICES) -> None:
        self.name = name
        self.path = directory + b"/" + name
        status = os.stat(self.path)
        self.identity = (status.st_dev, status.st_ino)
        # One look at the directory answers all questions of what is in it.
        self._entries = frozenset(os.listdir(self.path))
        self.settings = settings.Settings(self.path, self._entries)
        self.needs_root = self.has(b"needs-root")

    def has(self, entry: bytes) -> bool:
        """Whether the directory has this entry; a dangling link does not count."""
        first, slash, _ = entry.partition(b"/")
        return first in self._entries and os.path.exists(self.path + b"/" + entry)

    def fault(self) -> str | None:
        """Why it cannot run, with the remedy; None for a good one."""
        run = self.path + b"/run"
        if b"run" not in self._entries:
            return f"service '{say.shown(self.name)}' is not started: it has no run file; add {say.shown(run)}"
        why = program.fault(run)
        if why is not None:
            return f"service '{say.shown(self.name)}' is not started: {say.shown(run)}: {why}"
        return None


def all_in(directory: bytes = paths.SERVICES) -> list[Definition]:
    """Every definition below directory in byte order; names with a leading dot are not services (runsvdir.8)."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    found = []
    for name in names:
        if name.startswith(b"."):
            continue
        path = directory + b"/" + name
        try:
            if b"\n" in name:
                say.info(f"service '{say.shown(name)}' is not started: its name has a line break; rename the directory")
            elif os.path.isdir(path):
                found.append(Definition(name, directory))
            elif os.path.islink(path):
                say.info(f"service '{say.shown(name)}' is not started: a link to nothing; correct or remove it")
        except OSError as problem:
            say.info(f"service '{say.shown(name)}' is not started: {problem.strerror}")
    return found
