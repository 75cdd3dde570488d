"""The state directory: /run/dodai, else /tmp/dodai-UID; never inside the image's layers.

The one who makes it checks that it is his; the one who looks for it takes the directory whose `pid`
names a living process. A directory in /tmp that somebody else made is refused: whoever owns it could
swap what supervisors run.
"""

import errno

from guest.floor import kernel, paths, say
from guest.mechanism import files

MODE = 0o755


class Refused(Exception):
    """No directory for the state: a sentence with what was tried and what to do."""


def make() -> bytes:
    """Make or take over the state directory, write our `pid` there and return its path. Raises Refused."""
    tried = []
    for path in candidates():
        try:
            kernel.mkdir(path, MODE)
        except FileExistsError:
            pass
        except OSError as problem:
            tried.append(f"{say.shown(path)}: {kernel.strerror(problem.errno or 0).lower()}")
            continue
        why = _why_not_mine(path) or _why_not_written(path)
        if why is None:
            return path
        tried.append(f"{say.shown(path)}: {why}")
    raise Refused(f"cannot keep state ({'; '.join(tried)}): mount a tmpfs with room on /run or /tmp, for example --tmpfs /run")


def _why_not_written(path: bytes) -> str | None:
    """None when our pid is in path now; otherwise why not, a full file system for one."""
    try:
        files.replace(path + b"/pid", b"%d\n" % kernel.getpid(), 0o644)
    except OSError as problem:
        try:
            kernel.unlink(path + b"/pid")  # of an earlier life: `find` would take it for ours
        except OSError:
            pass
        return kernel.strerror(problem.errno or 0).lower()
    return None


def find() -> bytes | None:
    """The state directory of the my_init that runs here, or None.

    my_init may run as another user than the caller; that is PID 1's, or root. Only a directory that
    belongs to one of the three is taken: what lies in it becomes the environment of commands, and
    anybody can make a name in /tmp.
    """
    users = [kernel.geteuid(), _owner(b"/proc/1"), 0]
    places = [(paths.RUN_STATE, users), *((paths.TMP_STATE % uid, [uid]) for uid in users if uid >= 0)]
    for path, owners in places:
        if _owner(path) not in owners:
            continue
        text = files.read_or_none(path + b"/pid")
        if text and text.strip().isdigit() and kernel.exists(b"/proc/" + text.strip()):
            return path
    return None


def _owner(path: bytes) -> int:
    """The uid a directory belongs to; -1 for none that can be seen, and for a link."""
    try:
        status = kernel.lstat(path)
    except OSError:
        return -1
    return status.st_uid if status.st_mode & 0o170000 == 0o040000 else -1


def candidates() -> tuple[bytes, bytes]:
    """Where the state may be, in the order of preference."""
    return paths.RUN_STATE, paths.TMP_STATE % kernel.geteuid()


def _why_not_mine(path: bytes) -> str | None:
    """None when path is a directory of this user that nobody else can write in; otherwise what is wrong."""
    try:
        fd = kernel.open(path, kernel.O_RDONLY | kernel.O_DIRECTORY | kernel.O_NOFOLLOW | kernel.O_CLOEXEC)
    except OSError as problem:
        if problem.errno in (errno.ELOOP, errno.ENOTDIR):
            return "is not a directory; remove it"
        return kernel.strerror(problem.errno or 0).lower()
    try:
        status = kernel.fstat(fd)
        if status.st_uid != kernel.geteuid():
            return f"belongs to uid {status.st_uid}; remove it"
        try:
            kernel.fchmod(fd, MODE)  # a umask may have narrowed it, a stranger widened it
        except OSError as problem:
            return kernel.strerror(problem.errno or 0).lower()
    finally:
        kernel.close(fd)
    if not kernel.access(path, kernel.W_OK | kernel.X_OK, effective_ids=True):
        return "is not writable"
    return None
