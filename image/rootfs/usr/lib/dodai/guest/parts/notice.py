"""A service that says itself when it is ready: on a descriptor, as s6 defines it, or to a socket (sd_notify(3))."""

import os

from guest.mechanism import watch


class Descriptor:
    """The reading end of the fifo that service/run-notify opens: a line break says "ready"."""

    __slots__ = ("_fd",)
    variable = b""

    def __init__(self, path: bytes) -> None:
        """Raises OSError."""
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        watch.data(self._fd)

    def take(self) -> bool:
        """Whether it has said so since the last time."""
        try:
            return b"\n" in os.read(self._fd, 1 << 16)
        except OSError:
            return False

    def close(self) -> None:
        """Nobody listens any more."""
        os.close(self._fd)


class Socket:
    """A datagram socket whose address the service finds in NOTIFY_SOCKET; READY=1 says "ready"."""

    __slots__ = ("_path", "_socket", "variable")

    def __init__(self, path: bytes) -> None:
        """Raises OSError."""
        import _socket  # a millisecond for the few that have such a service

        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        self._path = path
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        self._socket.bind(path)
        os.chmod(path, 0o666)  # the service may run as anybody
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
            os.unlink(self._path)
        except OSError:
            pass
