"""Why a program cannot be started, in words, with the exit code a shell would give."""

import errno

from guest.floor import codes, kernel, say

DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CannotStart(Exception):
    """A program could not be started: a sentence that names it, the reason and the remedy, and its exit code."""

    __slots__ = ("code", "text")

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


def find(name: bytes, environment: dict[bytes, bytes]) -> bytes:
    """The path execvp(3) would run for name: searched in PATH unless it has a slash.

    Raises CannotStart: 127 when it is nowhere, 126 when only files without permission were found.
    """
    if b"/" in name:
        return name
    if not name:
        raise CannotStart("cannot run '': the command's name is empty", codes.NOT_FOUND)
    denied = None
    for directory in environment.get(b"PATH", DEFAULT_PATH).split(b":"):
        candidate = (directory or b".") + b"/" + name
        try:
            mode = kernel.stat(candidate).st_mode
        except OSError:
            continue
        if mode & 0o170000 == 0o040000:
            continue
        if kernel.access(candidate, kernel.X_OK, effective_ids=True):
            return candidate
        denied = candidate
    if denied:
        raise cannot_start(denied, errno.EACCES)
    raise CannotStart(f"cannot run '{say.shown(name)}': not found in PATH", codes.NOT_FOUND)


def cannot_start(path: bytes, error: int) -> CannotStart:
    """Explain the errno of a failed execve(2) of path; for scripts the interpreter is looked at."""
    name = say.shown(path)
    code = codes.NOT_FOUND if error == errno.ENOENT else codes.CANNOT_EXECUTE
    reason = _reason(path, error) or kernel.strerror(error)
    return CannotStart(f"cannot run '{name}': {reason}", code)


def fault(path: bytes) -> str | None:
    """What would keep path from running, as words with the remedy; None when nothing is seen.

    Looks at the file only: nothing is run.
    """
    try:
        mode = kernel.stat(path).st_mode
    except OSError as problem:
        return _reason(path, problem.errno or 0) or kernel.strerror(problem.errno or 0)
    if mode & 0o170000 != 0o100000:
        return "is not a file"
    if not mode & 0o111:
        return _NOT_EXECUTABLE
    return _script_fault(path)


_NOT_EXECUTABLE = "not executable; run chmod +x on it"


def _reason(path: bytes, error: int) -> str | None:
    if error == errno.ENOENT:
        if kernel.is_link(path) and not kernel.exists(path):
            return f"it is a link to '{say.shown(kernel.readlink(path))}', which does not exist"
        if kernel.exists(path):
            return _script_fault(path) or "its interpreter or loader is missing"
        return "no such file"
    if error == errno.EACCES and kernel.is_file(path):
        mode = kernel.stat(path).st_mode
        if not mode & 0o111:
            return _NOT_EXECUTABLE
        return "permission denied (its mode, or a file system mounted noexec)"
    if error == errno.EACCES and kernel.is_directory(path):
        return "it is a directory"
    if error == errno.ENOEXEC:
        return _script_fault(path) or "not a program: a script needs a first line such as #!/bin/sh"
    if error == errno.EAGAIN:
        return "no more processes are allowed here; raise --pids-limit (or ulimit -u)"
    if error == errno.E2BIG:
        return "arguments and environment are larger than the kernel takes"
    return None


def _script_fault(path: bytes) -> str | None:
    """What is wrong with the first line of a script; None for a good one, a binary or an unreadable file.

    The format is execve(2)'s, "Interpreter scripts".
    """
    try:
        fd = kernel.open(path, kernel.O_RDONLY | kernel.O_CLOEXEC | kernel.O_NONBLOCK)
    except OSError:
        return None
    try:
        head = kernel.read(fd, 256)
    except OSError:
        return None
    finally:
        kernel.close(fd)
    if not head:
        return "the file is empty; a script needs a first line such as #!/bin/sh"
    if head[:4] == b"\x7fELF":
        return None
    if head[:2] != b"#!":
        return "no #! line; a script needs a first line such as #!/bin/sh"
    line = head.split(b"\n", 1)[0]
    if line.endswith(b"\r"):
        return "its lines end in CRLF; convert it, for example with sed -i 's/\\r$//'"
    words = line[2:].split(None, 1)
    if not words:
        return "its #! line names no interpreter"
    if not kernel.exists(words[0]):
        return f"its interpreter '{say.shown(words[0])}' is missing; install it or correct the #! line"
    return None
