"""What the guest needs of `os`: the system calls as the interpreter has them, and a few words on top.

`import os` also makes the abstract classes of collections and two modules of paths, none of which is needed here: two
milliseconds of every start, and half a MiB of PID 1 for as long as it lives. `environ` has bytes, as posix.environ does.
"""

import sys
from posix import *  # noqa: F403  (the names of os are these)
from posix import _exit, lstat, stat

_DIRECTORY, _FILE, _LINK = 0o040000, 0o100000, 0o120000  # inode(7), "The file type and mode"
_TYPE = 0o170000


exit_at_once = _exit


def fsencode(text: str) -> bytes:
    """As os.fsencode: the bytes that the interpreter made this text of."""
    return text.encode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def fsdecode(data: bytes) -> str:
    """As os.fsdecode: every byte comes back by fsencode."""
    return data.decode(sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def exists(path: bytes | str) -> bool:
    """Whether something is there, behind all links."""
    return _type(path) != 0


def is_directory(path: bytes | str) -> bool:
    """Whether a directory is there, behind all links."""
    return _type(path) == _DIRECTORY


def is_file(path: bytes | str) -> bool:
    """Whether an ordinary file is there, behind all links."""
    return _type(path) == _FILE


def is_link(path: bytes | str) -> bool:
    """Whether the last part of the path is a symbolic link."""
    try:
        return lstat(path).st_mode & _TYPE == _LINK
    except (OSError, ValueError):
        return False


def parent(path: bytes) -> bytes:
    """The directory that an absolute path lies in."""
    return path.rpartition(b"/")[0] or b"/"


def last_part(path: bytes) -> bytes:
    """What stands behind the last slash."""
    return path.rpartition(b"/")[2]


def _type(path: bytes | str) -> int:
    try:
        return stat(path).st_mode & _TYPE
    except (OSError, ValueError):
        return 0
