"""A service that says itself when it is ready: on a descriptor, as s6 defines it, or to a socket (sd_notify(3))."""

from guest.floor import kernel
from guest.mechanism import watch


class Descriptor:
    """The reading end of the fifo that service/run-notify opens: a line break says "ready"."""

    __slots__ = ("_fd",)
    variable = b""

    def __init__(self, path: bytes) -> None:
        """Raises OSError."""
        self._fd = kernel.open(path, kernel.O_RDONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
        watch.data(self._fd)

    def take(self) -> bool:
        """Whether it has said so since the last time."""
        try:
            return b"\n" in kernel.read(self._fd, 1 << 16)
        except OSError:
            return False

    def close(self) -> None:
        """Nobody listens any more."""
        kernel.close(self._fd)


class Socket:
    """A datagram socket whose address the service finds in NOTIFY_SOCKET; READY=1 says "ready"."""

    __slots__ = ("_path", "_socket", "variable")

    def __init__(self, path: bytes) -> None:
        """Raises OSError."""
        import _socket  # a millisecond for the few that have such a service

        try:
            kernel.unlink(path)
        except FileNotFoundError:
            pass
        self._path = path
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        self._socket.bind(path)
        kernel.chmod(path, 0o666)  # the service may run as anybody
        watch.data(self._socket.fileno())
        self.variable = b"NOTIFY_SOCKET=" + path

    def take(self) -> bool:
        """Whether it has said so since the last time."""
        said = False
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except OSError:
                return said
            said = said or b"READY=1" in data.split(b"\n")

    def close(self) -> None:
        """Nobody listens any more."""
        self._socket.close()
        try:
            kernel.unlink(self._path)
        except OSError:
            pass
