"""What one service prints: two FIFOs, read in batches, written as whole lines with the service's name."""

import fcntl

from guest.floor import kernel, say
from guest.mechanism import whole_lines
from guest.parts import log_lines, log_ring, supervision

_READ = 65536  # bytes of one batch: a FIFO's default capacity
_LONGEST = 8 << 20  # bytes of one line; past it the line is cut, so that nobody can fill the memory


class Stream:
    """One FIFO and what was read of it that is not yet a line. `sink` is the descriptor that its lines go to."""

    __slots__ = ("_formatter", "_partial", "_partial_pid", "_service", "_wants_pid", "fd", "sink")

    def __init__(self, service: "Service", kind: str, stream: str, sink: int) -> None:
        path = log_ring.fifo(service.state, service.name, stream)
        # For writing too: with a writer there is never a hang-up, about which poll would not stop telling.
        self.fd = kernel.open(path, kernel.O_RDWR | kernel.O_NONBLOCK | kernel.O_CLOEXEC)
        self.sink = sink
        self._service = service
        self._formatter = log_lines.formatter(kind, service.name, stream)
        self._wants_pid = kind == log_lines.JSON
        self._partial = bytearray()
        self._partial_pid = 0

    @property
    def partial(self) -> bool:
        """Whether half a line is waiting for its end."""
        return bool(self._partial)

    def copy(self) -> int:
        """Read a batch and write its whole lines. How many bytes were read; 0: nothing is there."""
        try:
            data = kernel.read(self.fd, _READ)
        except BlockingIOError:
            return 0
        count = len(data)
        pid = self._service.pid() if self._wants_pid or self._partial else 0
        if self._partial and self._partial_pid and pid not in (0, self._partial_pid):
            self.flush()  # another process goes on: what the last one left is a line of its own
        end = data.rfind(b"\n") + 1
        if end:
            lines = bytes(self._partial) + data[:end] if self._partial else data[:end]
            self._partial = bytearray()
            self._write(lines, pid)
            data = data[end:]
        if data:
            if not self._partial:
                self._partial_pid = pid or self._service.pid()
            self._partial += data
            if len(self._partial) > _LONGEST:
                self.flush()
        return count

    def flush(self) -> None:
        """Write half a line as a line."""
        if self._partial:
            line = bytes(self._partial) + b"\n"
            self._partial = bytearray()
            self._write(line, self._partial_pid)

    def flush_if_dead(self) -> None:
        """The same when the process that wrote it is gone, so that a service's last words are seen."""
        now = self._service.pid()
        if not now or now != self._partial_pid:
            self.flush()

    def close(self) -> None:
        """Copy what is in the FIFO now and give it back."""
        left = fcntl.fcntl(self.fd, fcntl.F_GETPIPE_SZ)  # a process that still writes must not keep us here
        while left > 0 and (count := self.copy()):
            left -= count
        self.flush()
        kernel.close(self.fd)

    def _write(self, lines: bytes, pid: int) -> None:
        formatted = self._formatter.format(lines, pid)
        whole_lines.write(self.sink, formatted)
        self._service.ring.write(formatted)


class Service:
    """Both streams of a service, the ring of its last lines, and who runs in it."""

    __slots__ = ("_supervise", "name", "ring", "state", "streams")

    def __init__(self, state: bytes, name: bytes, kind: str) -> None:
        self.state = state
        self.name = name
        self._supervise = state + b"/service/" + name + b"/supervise"
        self.ring = log_ring.Writer(state, name)
        self.streams: list[Stream] = []
        try:
            for stream, sink in ((log_lines.STDOUT, 1), (log_lines.STDERR, 2)):
                self.streams.append(Stream(self, kind, stream, sink))
        except OSError as problem:
            say.error(f"cannot read what service '{say.shown(name)}' prints: {problem.strerror}")

    def pid(self) -> int:
        """The pid of its process now, 0 when there is none."""
        status = supervision.read(self._supervise)
        return status.pid if status is not None else 0

    def close(self) -> None:
        """Copy what is left of both streams, then forget them."""
        for stream in self.streams:
            stream.close()
        self.streams = []
        self.ring.close()
