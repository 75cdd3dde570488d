"""Small files: read whole, replaced atomically, with private modes before the content."""

from guest.floor import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_COUNTER = 0


def read(path: bytes) -> bytes:
    """The whole content of a small file. Raises OSError."""
    fd = kernel.open(path, kernel.O_RDONLY | kernel.O_CLOEXEC)
    try:
        chunks = []
        while chunk := kernel.read(fd, 1 << 16):
            chunks.append(chunk)
        return b"".join(chunks)
    finally:
        kernel.close(fd)


def read_or_none(path: bytes) -> bytes | None:
    """The content, or None when the file is missing or cannot be read."""
    try:
        return read(path)
    except OSError:
        return None


def remove(path: bytes) -> None:
    """unlink(2); what is missing already is fine, and what cannot be removed stays."""
    _ignoring_errors(lambda: kernel.unlink(path))


def write_all(fd: int, data: bytes) -> None:
    """write(2) until everything is written: a short write is legal. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[kernel.write(fd, view) :]


def replace(path: bytes, data: bytes, mode: int, gid: int = -1) -> None:
    """Put data at path in one step: a reader sees the old content or the new, never a part.

    An existing file keeps its mode, owner and group, since somebody may have set them on purpose;
    a new one gets mode and gid (-1: the caller's). Group and mode are set before the first byte.
    Not synced: what is written here is made anew at every boot. Raises OSError; then path is as it was.
    """
    try:
        old = kernel.stat(path)
        mode, uid, gid = old.st_mode & 0o7777, old.st_uid, old.st_gid
    except FileNotFoundError:
        uid = -1
    fd, temporary = _create_beside(path)
    try:
        try:
            _own(fd, uid, gid)
            kernel.fchmod(fd, mode)
            write_all(fd, data)
        finally:
            kernel.close(fd)
        kernel.rename(temporary, path)
    except BaseException:
        _ignoring_errors(lambda: kernel.unlink(temporary))
        raise


def _create_beside(path: bytes) -> tuple[int, bytes]:
    """A new private file in path's directory, under a name that no variable or service can have."""
    global _COUNTER
    _COUNTER += 1
    directory, _, name = path.rpartition(b"/")
    # "=" cannot stand in a variable's name, so a left-over is never taken for a variable.
    temporary = b"%s/.=%d.%d" % (directory, kernel.getpid(), _COUNTER)
    flags = kernel.O_WRONLY | kernel.O_CREAT | kernel.O_EXCL | kernel.O_NOFOLLOW | kernel.O_CLOEXEC
    try:
        return kernel.open(temporary, flags, 0o600), temporary
    except FileExistsError:
        kernel.unlink(temporary)  # left by an earlier life of this container under the same pid
        return kernel.open(temporary, flags, 0o600), temporary


def _own(fd: int, uid: int, gid: int) -> None:
    """Set owner and group as far as this process may: without CAP_CHOWN the file stays the caller's."""
    now = kernel.fstat(fd)
    if (uid in (-1, now.st_uid)) and (gid in (-1, now.st_gid)):
        return
    _ignoring_errors(lambda: kernel.fchown(fd, uid, gid))


def _ignoring_errors(action: "Callable[[], None]") -> None:
    try:
        action()
    except OSError:
        pass
