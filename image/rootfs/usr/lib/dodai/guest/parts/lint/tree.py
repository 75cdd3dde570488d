"""A directory laid out like `/`: the container's own, or one that is copied into an image."""

import os

_LINKS = 40  # as the kernel has it (path_resolution(7))
_LARGEST = 1 << 20  # bytes of a script or a configuration that are looked at


class Tree:
    """Paths are those inside: absolute, as they will be in the image. `whole`: it is all of an image."""

    __slots__ = ("root", "whole")

    def __init__(self, root: bytes) -> None:
        self.root = root.rstrip(b"/")
        self.whole = self.exists(b"/bin/sh")

    def real(self, path: bytes) -> bytes:
        """Where it lies outside; links are followed as they will be inside, so that none leads out of the tree."""
        if not self.root:
            return path
        done: list[bytes] = []
        left = [part for part in path.split(b"/") if part]
        links = 0
        while left:
            part = left.pop(0)
            if part == b"..":
                del done[-1:]
                continue
            if part == b".":
                continue
            here = b"/".join([self.root, *done, part])
            if os.path.islink(here) and links < _LINKS:
                links += 1
                target = os.readlink(here)
                if target.startswith(b"/"):
                    done = []
                left = [piece for piece in target.split(b"/") if piece] + left
            else:
                done.append(part)
        return b"/".join([self.root, *done])

    def link(self, path: bytes) -> bytes | None:
        """What a symbolic link holds; None for anything else."""
        here = self._unfollowed(path)
        return os.readlink(here) if os.path.islink(here) else None

    def there(self, path: bytes) -> bool:
        """Whether the name exists, be it only as a link to nothing."""
        return os.path.lexists(self._unfollowed(path))

    def exists(self, path: bytes) -> bool:
        """Whether there is something behind the name."""
        return os.path.exists(self.real(path))

    def is_directory(self, path: bytes) -> bool:
        """A directory, or a link to one."""
        return os.path.isdir(self.real(path))

    def is_file(self, path: bytes) -> bool:
        """A regular file, or a link to one."""
        return os.path.isfile(self.real(path))

    def is_executable(self, path: bytes) -> bool:
        """Whether any execute bit is set; who runs it is not known here."""
        return self.exists(path) and bool(os.stat(self.real(path)).st_mode & 0o111)

    def size(self, path: bytes) -> int:
        """Bytes of a file."""
        return os.stat(self.real(path)).st_size

    def names(self, path: bytes) -> list[bytes]:
        """The entries of a directory in byte order; none where there is no such directory, or it may not be read."""
        try:
            return sorted(os.listdir(self.real(path)))
        except OSError:
            return []

    def read(self, path: bytes) -> bytes:
        """The beginning of a file; empty where it cannot be read."""
        try:
            fd = os.open(self.real(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return b""
        try:
            return os.read(fd, _LARGEST)
        except OSError:
            return b""
        finally:
            os.close(fd)

    def _unfollowed(self, path: bytes) -> bytes:
        parent, _, name = path.rpartition(b"/")
        return self.real(parent) + b"/" + name
