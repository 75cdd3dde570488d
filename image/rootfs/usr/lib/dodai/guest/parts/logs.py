"""Lines that carry their service's name: what MY_INIT_LOG_FORMAT asks for, and the copier that does it (promise D5).

plain, the default: services write to the container's own stdout and stderr, nothing is in between.
prefix and json: each service writes into two fifos, and one process copies them line by line. PID 1
copies nothing itself: a reader that has stopped reading would stop it, too.
"""

import errno
import stat
import time

from guest.floor import kernel, paths, say
from guest.mechanism import descriptors, processes, program, reap, signals, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from guest.parts import environment

_FORMATS = (b"prefix", b"json")
_VARIABLE = b"MY_INIT_LOG_FORMAT"
_SHORT_SECONDS = 1.0
_NEVER = float("inf")


class Logs:
    """The fifos of the services and the copier; `pid` is 0 when there is none."""

    __slots__ = ("_again_at", "_container", "_directory", "_fds", "_format", "_started", "_state", "_to_copier", "pid")

    def __init__(self, state: bytes, container: "environment.Container") -> None:
        self.pid = 0
        self._container = container
        self._state = state
        self._directory = state + b"/log"
        self._format = b""
        self._fds: dict[bytes, list[int]] = {}
        self._to_copier = -1
        self._started = 0.0  # the copier, in monotonic seconds
        self._again_at = _NEVER  # when a killed one is replaced

    def start(self) -> None:
        """Open the container's own streams to services that run as another user; start the copier when one is wanted."""
        for fd in (1, 2):
            _open_to_all(fd)
        wish = self._container.variables.get(_VARIABLE, b"")
        if wish not in (b"", b"plain", *_FORMATS):
            say.error(f"MY_INIT_LOG_FORMAT='{say.shown(wish)}' is not plain, prefix or json; plain is used")
        if wish in _FORMATS:
            self._format = wish
            self._start_copier()

    def add(self, name: bytes) -> tuple[bytes, bytes]:
        """Where a service's stdout and stderr are to go; empty for the container's own."""
        if not self._format:
            return b"", b""
        try:
            streams = self._fifos(name)
        except OSError as problem:
            say.error(f"service '{say.shown(name)}' logs without its name: {problem.strerror}: {say.shown(self._directory)}")
            return b"", b""
        self._tell(b"add", name)
        return streams

    def close(self, name: bytes) -> None:
        """The service is gone for good."""
        if name in self._fds:
            for fd in self._fds.pop(name):
                kernel.close(fd)
            self._tell(b"close", name)

    def look_after(self) -> None:
        """Replace a copier that was killed; what lies in the fifos is not lost."""
        if self.pid and not reap.lives(self.pid):
            reap.forget(self.pid)
            self.pid = 0
            self._close_pipe()
            say.error("the process that copies the services' logs was killed; it is replaced")
            # One that did not live for a second would die again at once.
            self._again_at = self._started + _SHORT_SECONDS
        if time.monotonic() >= self._again_at:
            self._start_copier()
            for name in self._fds:
                self._tell(b"add", name)

    def due(self) -> float:
        """When `look_after` has something to do though nothing was heard (monotonic seconds, infinite for never)."""
        return self._again_at

    def finish(self) -> None:
        """Nobody writes any more: the copier may read the rest and end."""
        self._close_pipe()
        for fds in self._fds.values():
            for fd in fds:
                kernel.close(fd)
        self._fds = {}

    def finished(self) -> bool:
        """Whether it has ended."""
        if self.pid and not reap.lives(self.pid):
            reap.forget(self.pid)
            self.pid = 0
        return not self.pid

    def kill(self) -> None:
        """Its time is over: whoever reads the container's log has stopped reading."""
        if self.pid:
            processes.signal(self.pid, signals.KILL)

    def _start_copier(self) -> None:
        self._again_at = _NEVER
        self._started = time.monotonic()
        reader, self._to_copier = kernel.pipe()
        try:
            # An environment of its own: nothing of the container's is needed to copy lines.
            self.pid = spawn.start([paths.LOG_COPIER, self._format, self._state], {}, session=True, stdin=reader)
        except program.CannotStart as problem:
            say.error(f"{problem.text}; the services log without their names")
            self._format = b""
            self.pid = 0
            self._close_pipe()
        finally:
            kernel.close(reader)

    def _fifos(self, name: bytes) -> tuple[bytes, bytes]:
        """Make them and keep each open for both directions, so that no writer ever meets a fifo without reader."""
        if not kernel.is_directory(self._directory):
            kernel.mkdir(self._directory, 0o755)
        streams = (self._directory + b"/" + name + b".out", self._directory + b"/" + name + b".err")
        if name not in self._fds:
            for path in streams:
                if not kernel.exists(path):
                    kernel.mkfifo(path, 0o622)
                kernel.chmod(path, 0o622)  # the umask, and a service may open /dev/stdout as somebody else
            fds = [kernel.open(path, kernel.O_RDWR | kernel.O_NONBLOCK | kernel.O_CLOEXEC) for path in streams]
            if descriptors.too_many(max(fds)):
                for fd in fds:
                    kernel.close(fd)
                raise OSError(errno.EMFILE, kernel.strerror(errno.EMFILE))
            self._fds[name] = fds
        return streams

    def _tell(self, verb: bytes, name: bytes) -> None:
        if self._to_copier >= 0:
            try:
                kernel.write(self._to_copier, b"%s %s\n" % (verb, name))
            except OSError:
                pass  # it was killed; its successor is told

    def _close_pipe(self) -> None:
        if self._to_copier >= 0:
            kernel.close(self._to_copier)
            self._to_copier = -1


def _open_to_all(fd: int) -> None:
    """Let every user of the container open /dev/stdout: a pipe's or a terminal's mode counts there, and is root's alone."""
    try:
        mode = kernel.fstat(fd).st_mode
        if stat.S_ISFIFO(mode) or kernel.isatty(fd):
            kernel.fchmod(fd, stat.S_IMODE(mode) | 0o022)
    except OSError:
        pass  # closed, or somebody else's
