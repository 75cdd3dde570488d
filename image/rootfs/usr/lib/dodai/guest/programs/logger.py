"""Copies what services print to the container's log, with their names: the process that MY_INIT_LOG_FORMAT adds.

PID 1 itself copies nothing, so that neither a flood of lines nor a stuck reader of the log keeps it
from reaping and stopping. It starts this process as `logger FORMAT STATE`, with a pipe as standard
input on which it writes:

    add NAME     the FIFOs STATE/log/NAME.out and NAME.err are there: copy them to stdout and stderr
    close NAME   the service's supervisor is gone: copy what is left, then forget the FIFOs

End of file means: copy what can be read now, and end. PID 1 keeps the FIFOs open too, so that what is
in them outlives this process, and the next one goes on with the next byte.
"""

import select

from guest.floor import codes, kernel, say
from guest.mechanism import signals, whole_lines
from guest.parts import log_lines, log_stream

_REQUESTS = 0  # the pipe from PID 1
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
_LOOK_FIRST, _LOOK_LAST = 0.5, 30.0  # seconds between looks whether the writer of half a line has died


def main(argv: list[str]) -> int:
    """Copy until standard input ends. Exit code 0, or 2 for wrong arguments."""
    if len(argv) != 3 or argv[1] not in log_lines.FORMATS:
        say.error("logger: my_init starts this; usage: logger prefix|json STATE")
        return codes.USAGE
    signals.ignore_requests()
    Logger(argv[1], kernel.fsencode(argv[2])).run()
    return codes.OK


class Logger:
    """The services that are copied, and the one loop over their FIFOs."""

    __slots__ = ("_kind", "_look", "_poll", "_requested", "_services", "_state", "_streams", "_waiting")

    def __init__(self, kind: str, state: bytes) -> None:
        self._kind = kind
        self._state = state
        self._poll = select.poll()
        self._services: dict[bytes, log_stream.Service] = {}
        self._streams: dict[int, log_stream.Stream] = {}
        # Streams whose sink is full, by sink: they are not read, so that little is lost if this process is killed.
        self._waiting: dict[int, list[log_stream.Stream]] = {}
        self._requested = b""
        self._look = _LOOK_FIRST

    def run(self) -> None:
        """Until end of file on standard input. Sleeps without a time limit while nothing is printed."""
        self._poll.register(_REQUESTS, _READABLE)
        more = True
        while more:
            ready = self._poll.poll(self._patience())
            if not ready:
                self._flush_the_dead()
            for fd, _ in ready:
                if fd == _REQUESTS:
                    more = self._requests()
                elif fd in self._waiting:
                    self._sink_takes(fd)
                elif fd in self._streams:
                    self._copy(self._streams[fd])
        for name in list(self._services):
            self._close(name)

    def _patience(self) -> float | None:
        """Milliseconds to wait at most: for ever unless half a line waits for its end."""
        if not any(stream.partial for stream in self._streams.values()):
            self._look = _LOOK_FIRST
            return None
        return self._look * 1000

    def _flush_the_dead(self) -> None:
        self._look = min(2 * self._look, _LOOK_LAST)
        for stream in self._streams.values():
            stream.flush_if_dead()

    def _copy(self, stream: log_stream.Stream) -> None:
        if whole_lines.can_take(stream.sink):
            stream.copy()
            return
        self._poll.unregister(stream.fd)
        if stream.sink not in self._waiting:
            self._waiting[stream.sink] = []
            self._poll.register(stream.sink, select.POLLOUT)
        self._waiting[stream.sink].append(stream)

    def _sink_takes(self, sink: int) -> None:
        self._poll.unregister(sink)
        for stream in self._waiting.pop(sink):
            self._poll.register(stream.fd, select.POLLIN)

    def _requests(self) -> bool:
        """Do what PID 1 wrote; False at end of file."""
        data = kernel.read(_REQUESTS, 65536)
        *lines, self._requested = (self._requested + data).split(b"\n")
        for line in lines:
            verb, _, name = line.partition(b" ")
            self._close(name)
            if verb == b"add":
                self._add(name)
        return bool(data)

    def _add(self, name: bytes) -> None:
        service = log_stream.Service(self._state, name, self._kind)
        self._services[name] = service
        for stream in service.streams:
            self._streams[stream.fd] = stream
            self._poll.register(stream.fd, select.POLLIN)

    def _close(self, name: bytes) -> None:
        service = self._services.pop(name, None)
        if service is None:
            return
        for stream in service.streams:
            del self._streams[stream.fd]
            if stream in self._waiting.get(stream.sink, ()):
                self._waiting[stream.sink].remove(stream)
            else:
                self._poll.unregister(stream.fd)
        service.close()
