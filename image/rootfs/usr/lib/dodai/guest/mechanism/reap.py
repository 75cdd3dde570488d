"""The one owner of wait(): every child of PID 1, its own and the adopted, ends here.

A pid is registered by the spawner before any signal is handled again, and forgotten when it is
collected, so a reused pid is never taken for an old child. Nothing is kept of strangers but a count.
"""

from guest.floor import kernel
from guest.mechanism import signals, storm

# What became of the registered children that nobody has asked for yet: pid → wait status.
_ended: dict[int, int] = {}
_mine: set[int] = set()
# Registered children that ^Z has stopped since somebody asked.
_suspended: set[int] = set()

_TRIES = 3

_orphans = storm.Storm()

adopted = 0  # orphans collected so far


def register(pid: int) -> None:
    """From now on the end of pid is kept until `status` asks for it."""
    _mine.add(pid)


def collect() -> list[int]:
    """Reap everything that has ended; the registered ones among it are returned.

    Waits for nothing, but a moment for more where there are orphans after orphans.
    """
    before = adopted
    ended = _collect_now()
    if not ended and not _suspended and adopted > before and _orphans.nap():
        ended = _collect_now()
    return ended


def _collect_now() -> list[int]:
    """SIGCHLD does not queue, so one signal may stand for many ends."""
    global adopted
    ended: list[int] = []
    failures = 0
    while True:
        try:
            pid, status = kernel.waitpid(-1, kernel.WNOHANG | kernel.WUNTRACED)
        except ChildProcessError:
            return ended
        except OSError:
            # Not documented for waitpid(2). Nothing else would tell of these ends, so ask again before giving up.
            failures += 1
            if failures < _TRIES:
                continue
            raise
        if pid == 0:
            return ended
        if kernel.WIFSTOPPED(status):
            if pid in _mine and kernel.WSTOPSIG(status) == signals.TSTP:
                _suspended.add(pid)
        elif pid in _mine:
            _mine.discard(pid)
            _ended[pid] = status
            ended.append(pid)
        else:
            adopted += 1


def wait_for(pid: int) -> int:
    """The wait status of a child that ends at once whatever others do: nothing else happens meanwhile."""
    return kernel.waitpid(pid, 0)[1]


def status(pid: int) -> int | None:
    """The wait status of a registered child that has been collected, once; None while it lives."""
    return _ended.pop(pid, None)


def forget(pid: int) -> None:
    """The end of a registered child is of no interest any more; it is still collected."""
    _mine.discard(pid)
    _ended.pop(pid, None)


def suspended(pid: int) -> bool:
    """Whether ^Z (SIGTSTP) has stopped a registered child since the last question."""
    if pid not in _suspended:
        return False
    _suspended.discard(pid)
    return True


def any_suspended() -> bool:
    """Whether ^Z has stopped a registered child that nobody has asked about yet."""
    return bool(_suspended)


def lives(pid: int) -> bool:
    """Whether a registered child has not been collected yet."""
    return pid in _mine


def has_children() -> bool:
    """Whether any child is left, own or adopted; ended ones stay uncollected (WNOWAIT)."""
    try:
        kernel.waitid(kernel.P_ALL, 0, kernel.WEXITED | kernel.WNOHANG | kernel.WNOWAIT)
    except ChildProcessError:
        return False
    return True
