"""Directories of executables that run one after the other: startup files and shutdown hooks."""

from guest.floor import kernel, say
from guest.mechanism import program


def runnable(directory: bytes) -> list[bytes]:
    """The executable files of directory in byte order; those that are not executable are named and left out.

    A missing directory is an empty one.
    """
    try:
        names = sorted(kernel.listdir(directory))
    except FileNotFoundError:
        return []
    except OSError as problem:
        say.info(f"cannot read {say.shown(directory)}: {problem.strerror}; its files are skipped")
        return []
    found = []
    for name in names:
        path = directory + b"/" + name
        if is_executable(path):
            found.append(path)
        elif not name.startswith(b".") and not kernel.is_directory(path):
            say.info(f"{say.shown(path)} is skipped: {program.fault(path) or 'not executable by this user'}")
    return found


def is_executable(path: bytes) -> bool:
    """A file, or a link to one, that this process may execute."""
    return kernel.is_file(path) and kernel.access(path, kernel.X_OK, effective_ids=True)
