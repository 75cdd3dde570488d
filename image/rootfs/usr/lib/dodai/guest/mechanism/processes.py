"""Processes of the container that are not necessarily children: found in /proc, signalled as a whole."""

import errno
import os

from guest.floor import say
from guest.mechanism import files, signals


def parents() -> dict[int, int]:
    """pid → parent's pid of every process that has not ended, from /proc (proc(5), /proc/pid/stat)."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        text = files.read_or_none(b"/proc/%s/stat" % entry.encode())
        if text is None:
            continue
        # The name in parentheses may hold anything, also ")"; the state follows the last one.
        state, parent = text[text.rindex(b")") + 2 :].split(b" ", 2)[:2]
        if state not in (b"Z", b"X"):
            found[int(entry)] = int(parent)
    return found


def descendants(root: int, among: dict[int, int] | None = None) -> list[int]:
    """Every living process below root, parents before children."""
    tree: dict[int, list[int]] = {}
    for pid, parent in (parents() if among is None else among).items():
        tree.setdefault(parent, []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = tree.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def command_name(pid: int) -> str:
    """What a process calls itself, for messages; "?" when it is gone."""
    text = files.read_or_none(b"/proc/%d/comm" % pid)
    return say.shown(text.strip()) if text else "?"


def signal(pid: int, number: int) -> bool:
    """kill(2); False when there is no such process or we may not. A negative pid is a group."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def ask_to_end(pid: int) -> None:
    """SIGTERM, and SIGCONT so that a stopped process can act on it. A negative pid is a group."""
    if signal(pid, signals.TERM):
        signal(pid, signals.CONT)


class Others:
    """Everything that is left of the container but ourselves and a few pids that are kept for later.

    As PID 1 of a namespace that is every process (also those `docker exec` put there, which are not
    our children); otherwise only our own descendants: the rest belongs to somebody else.
    """

    __slots__ = ("_keep", "_whole")

    def __init__(self, keep: set[int]) -> None:
        self._whole = os.getpid() == 1
        self._keep = keep

    def pids(self) -> list[int]:
        """Who is left, without the kept ones and their descendants."""
        among = parents()
        kept = set(self._keep)
        for pid in self._keep:
            kept.update(descendants(pid, among))
        if self._whole:
            mine = list(among)
        else:
            mine = descendants(os.getpid(), among)
        return [pid for pid in mine if pid not in kept and pid != os.getpid()]

    def send(self, number: int) -> None:
        """Signal them all; at once with kill(-1) where nobody is kept, so that a fork cannot slip through."""
        if self._whole and not self._keep:
            signal(-1, number)
            return
        for pid in self.pids():
            signal(pid, number)

    def remain(self) -> bool:
        """Whether anybody is left. Cheap where kill(-1, 0) can answer; that counts zombies too."""
        if self._whole and not self._keep:
            try:
                os.kill(-1, 0)
            except OSError as problem:
                return problem.errno != errno.ESRCH
            return bool(self.pids())
        return bool(self.pids())
