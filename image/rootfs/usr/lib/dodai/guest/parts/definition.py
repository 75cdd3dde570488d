"""A service directory as people write it: what it holds and what is wrong with it. Nothing is run."""

import errno

from guest.floor import kernel, paths, say
from guest.mechanism import program
from guest.parts import settings

SYSLOG = b"syslog-ng"
_MISSING = (errno.ENOENT, errno.ENOTDIR)


class Definition:
    """One directory of /etc/service: its name, path, identity (device, inode) and how it is to be treated."""

    __slots__ = ("_entries", "identity", "name", "needs_root", "path", "settings")

    def __init__(self, name: bytes, directory: bytes = paths.SERVICES) -> None:
        self.name = name
        self.path = directory + b"/" + name
        status = kernel.stat(self.path)
        self.identity = (status.st_dev, status.st_ino)
        # One look at the directory answers all questions of what is in it.
        self._entries = frozenset(kernel.listdir(self.path))
        self.settings = settings.Settings(self.path, self._entries)
        self.needs_root = self.has(b"needs-root")

    def has(self, entry: bytes) -> bool:
        """Whether the directory has this entry; a dangling link does not count."""
        first, slash, _ = entry.partition(b"/")
        return first in self._entries and kernel.exists(self.path + b"/" + entry)

    def fault(self) -> str | None:
        """Why it cannot run, with the remedy; None for a good one."""
        run = self.path + b"/run"
        if b"run" not in self._entries:
            return f"service '{say.shown(self.name)}' is not started: it has no run file; add {say.shown(run)}"
        why = program.fault(run)
        if why is not None:
            return f"service '{say.shown(self.name)}' is not started: {say.shown(run)}: {why}"
        return None


class Listing:
    """What a directory of services holds, in byte order; by name why something there can be no service, as a line to say.

    `unreadable`: those of them that may be services all the same, could they be looked at now. `complete`:
    that the directory itself was read.
    """

    __slots__ = ("complete", "definitions", "faults", "unreadable")

    def __init__(self) -> None:
        self.complete = True
        self.definitions: list[Definition] = []
        self.faults: dict[bytes, str] = {}
        self.unreadable: set[bytes] = set()


def all_in(directory: bytes = paths.SERVICES) -> Listing:
    """Everything below directory; names with a leading dot are not services (runsvdir.8). One that is missing is empty."""
    listing = Listing()
    try:
        names = sorted(kernel.listdir(directory))
    except OSError as problem:
        listing.complete = problem.errno in _MISSING
        return listing
    for name in names:
        if name.startswith(b"."):
            continue
        path = directory + b"/" + name
        begin = f"service '{say.shown(name)}' is not started: "
        try:
            if b"\n" in name:
                listing.faults[name] = begin + "its name has a line break; rename the directory"
            elif kernel.is_directory(path):
                listing.definitions.append(Definition(name, directory))
            elif kernel.is_link(path):
                listing.faults[name] = begin + "a link to nothing; correct or remove it"
        except OSError as problem:
            if problem.errno not in _MISSING:
                listing.faults[name] = begin + str(problem.strerror)
                listing.unreadable.add(name)
    return listing
