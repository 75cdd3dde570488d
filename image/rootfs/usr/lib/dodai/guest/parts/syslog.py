"""The system logger's socket: /dev/log is there when messages are taken, whoever takes them."""

import stat

from guest.floor import kernel, paths
from guest.mechanism import watch


class Socket:
    """/dev/log before and while a logger comes up."""

    __slots__ = ("_watch",)

    def __init__(self) -> None:
        self._watch: int | None = None

    def clear(self) -> None:
        """Remove the socket an earlier life of the container left, and watch for the new one."""
        if self.ready():
            try:
                kernel.unlink(paths.DEV_LOG)
            except OSError:
                pass  # mounted from outside: then it is somebody's living socket
        self._watch = watch.add(kernel.parent(paths.DEV_LOG))

    def ready(self) -> bool:
        """Whether it is there."""
        try:
            return stat.S_ISSOCK(kernel.stat(paths.DEV_LOG).st_mode)
        except OSError:
            return False

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            kernel.close(self._watch)
            self._watch = None
