"""Signals to processes of other users without CAP_KILL, which `docker run --cap-drop ALL` takes from root.

kill(2) asks that the real or effective uid of the sender be the real or saved one of the receiver. So
a forked child takes that uid first, where CAP_SETUID lets it.
"""

from guest.floor import kernel, say
from guest.mechanism import files, reap

_CAP_KILL = 5  # capabilities(7): its bit in CapEff

_unreachable: set[int] = set()  # uids whose processes we found no way to signal


def may_signal_everybody() -> bool:
    """Whether CAP_KILL is effective; True where that cannot be told, as without /proc."""
    words = _field(b"/proc/self/status", b"CapEff:")
    return not words or bool(int(words[0], 16) >> _CAP_KILL & 1)


def among(pids: list[int]) -> list[int]:
    """Those of pids that kill(2) alone does not reach."""
    found = []
    for pid in pids:
        try:
            kernel.kill(pid, 0)
        except PermissionError:
            found.append(pid)
        except ProcessLookupError:
            pass
    return found


def reachable(pids: list[int]) -> list[int]:
    """pids without those of users whose processes we found no way to signal."""
    return [pid for pid in pids if _owner(pid) not in _unreachable] if _unreachable else pids


def send(pid: int, number: int) -> bool:
    """Signal a process as its own user; False when it is gone or, said once for each user, out of reach.

    Only the effective uid of the child changes. Its real one stays ours, so the other user can
    neither stop nor kill it while we wait for its end.
    """
    uid = _owner(pid)
    if uid is None:
        return False
    try:
        child = kernel.fork()
    except OSError:
        return False
    if child == 0:
        code = 1
        try:
            kernel.seteuid(uid)
            kernel.kill(pid, number)
            code = 0
        except ProcessLookupError:
            code = 0
        finally:
            kernel.exit_at_once(code)
    if reap.wait_for(child) == 0:
        return True
    if uid not in _unreachable:
        _unreachable.add(uid)
        name = (files.read_or_none(b"/proc/%d/comm" % pid) or b"?").strip()
        say.error(
            f"my_init may not signal processes of uid {uid}, such as {pid} ({say.shown(name)}), and does not wait for them:"
            " it has neither CAP_KILL nor, as root, CAP_SETUID; add --cap-add KILL"
        )
    return False


def _owner(pid: int) -> int | None:
    """The real uid; None when the process is gone."""
    words = _field(b"/proc/%d/status" % pid, b"Uid:")
    return int(words[0]) if words else None


def _field(path: bytes, name: bytes) -> list[bytes]:
    """The words after name in a status file of proc(5); none when the process is gone."""
    for line in (files.read_or_none(path) or b"").splitlines():
        if line.startswith(name):
            return line.split()[1:]
    return []
