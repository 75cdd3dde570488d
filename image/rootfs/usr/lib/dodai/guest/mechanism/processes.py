"""Processes of the container that are not necessarily children: found in /proc, signalled as a whole."""

from guest.floor import kernel, say
from guest.mechanism import files, foreign, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def parents() -> dict[int, int]:
    """pid → parent's pid of every process that has not ended."""
    return {pid: int(fields[1]) for pid, fields in _stats() if fields[0] not in (b"Z", b"X")}


def parents_and_sessions() -> tuple[dict[int, int], dict[int, int]]:
    """The same, and pid → session, in one look."""
    found = {pid: fields for pid, fields in _stats() if fields[0] not in (b"Z", b"X")}
    above = {pid: int(fields[1]) for pid, fields in found.items()}
    return above, {pid: int(fields[3].split(b" ", 1)[0]) for pid, fields in found.items()}


def _stats() -> "Iterator[tuple[int, list[bytes]]]":
    """Every pid with its fields from the state on: state, parent, group… (proc(5), /proc/pid/stat)."""
    for entry in kernel.listdir("/proc"):
        if not entry.isdigit():
            continue
        text = files.read_or_none(b"/proc/%s/stat" % entry.encode())
        if text:
            # The name in parentheses may hold anything, also ")"; the state follows the last one.
            yield int(entry), text[text.rindex(b")") + 2 :].split(b" ", 3)


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


def sleeps(pid: int) -> bool:
    """Whether a process waits for something outside the kernel, a time or an event (state S)."""
    text = files.read_or_none(b"/proc/%d/stat" % pid)
    return text is not None and text[text.rindex(b")") + 2 :].startswith(b"S")


def has_child(pid: int, but: int) -> bool:
    """Whether a process has a living child other than `but`. One small file, where the kernel has it (proc(5), children)."""
    text = files.read_or_none(b"/proc/%d/task/%d/children" % (pid, pid))
    if text is None:
        return any(parent == pid and child != but for child, parent in parents().items())
    return any(child != b"%d" % but for child in text.split())


def uninterruptible() -> list[int]:
    """Those that even SIGKILL does not end now: in disk sleep, or frozen with their cgroup (state D)."""
    return [pid for pid, fields in _stats() if fields[0] == b"D"]


def command_name(pid: int) -> str:
    """What a process calls itself, for messages; "?" when it is gone."""
    text = files.read_or_none(b"/proc/%d/comm" % pid)
    return say.shown(text.strip()) if text else "?"


def signal(pid: int, number: int) -> bool:
    """kill(2), also for processes of other users; False when there is no such process or no way to it.

    A negative pid is a group.
    """
    try:
        kernel.kill(pid, number)
        reached = True
    except ProcessLookupError:
        return False
    except PermissionError:
        reached = False
    if pid > 0:
        return reached or foreign.send(pid, number)
    if not foreign.may_signal_everybody():  # kill(2) has passed over those of the group that are another user's
        group = b"%d" % -pid
        members = [member for member, fields in _stats() if fields[2] == group]
        for member in foreign.among(members):
            reached = foreign.send(member, number) or reached
    return reached


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
        self._whole = kernel.getpid() == 1
        self._keep = keep

    def pids(self) -> list[int]:
        """Who is left, without the kept ones, their descendants, and those that no signal of ours can reach."""
        among = parents()
        kept = set(self._keep)
        for pid in self._keep:
            kept.update(descendants(pid, among))
        if self._whole:
            mine = list(among)
        else:
            mine = descendants(kernel.getpid(), among)
        return foreign.reachable([pid for pid in mine if pid not in kept and pid != kernel.getpid()])

    def send(self, number: int) -> None:
        """Signal them all; at once with kill(-1) where nobody is kept, so that a fork cannot slip through."""
        if self._whole and not self._keep:
            try:
                kernel.kill(-1, number)
            except (ProcessLookupError, PermissionError):
                pass
            missed = [] if foreign.may_signal_everybody() else foreign.among(self.pids())
        else:
            missed = self.pids()
        for pid in missed:
            signal(pid, number)

    def remain(self) -> bool:
        """Whether anybody is left. Cheap where kill(-1, 0) can answer; that counts zombies too."""
        if self._whole and not self._keep:
            try:
                kernel.kill(-1, 0)
            except ProcessLookupError:
                return False
            except PermissionError:
                pass
        return bool(self.pids())
