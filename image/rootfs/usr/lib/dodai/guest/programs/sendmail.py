"""sendmail for cron where no mail is: what a job printed goes to the container's log, under the job's name (promise E3).

cron hands the output of a job to /usr/sbin/sendmail, as the job's user, and to nothing else. This
program stands there as a link that no package owns: an installed MTA replaces it. It takes mail
from cron only; to everybody else it says that there is no mail, so that nothing is thought sent.
"""

import os
import time

from guest.floor import codes, paths, say
from guest.mechanism import execute, files
from guest.parts import crontabs

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket as _socket
    from collections.abc import Iterator
else:
    import _socket  # socket.py around it costs seven milliseconds

FROM_CRON = "-FCronDaemon"  # cron's config.h, MAILARGS

# syslog(3): facility cron, and the level.
INFO, WARNING = 9 << 3 | 6, 9 << 3 | 4
_FAILED = b" (failed)"  # what cron adds to the subject of a job that did
LONGEST = 8000  # bytes of one message; a longer line becomes several

# run-parts --report puts it before the output of each script.
_SCRIPT = tuple(directory + b"/" for directory in crontabs.SCRIPT_DIRECTORIES)


def main(argv: list[str]) -> int:
    """Log the mail on stdin; returns the exit code."""
    say.PREFIX = "sendmail: "
    execute.plain_signals()
    if FROM_CRON not in argv[1:]:
        say.error("there is no mail in this container; install an MTA, such as msmtp-mta, which replaces this program")
        return codes.UNAVAILABLE
    lines = Lines(0)
    head = Head(lines)
    log = Log(crontabs.job_name(head.user, head.command), WARNING if head.failed else INFO)
    for line in unquoted(lines) if head.quoted else lines:
        script = line.rstrip(b"\n:")
        if line == script + b":\n" and script.startswith(_SCRIPT):
            log.name = script.rpartition(b"/")[2]
        elif line.strip():
            log.write(line.rstrip(b"\r\n"))
    return codes.OK


class Lines:
    """The lines of a descriptor with their newlines, in pieces of at most LONGEST bytes."""

    __slots__ = ("_buffer", "_ended", "_fd")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = b""
        self._ended = False

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> bytes:
        while b"\n" not in self._buffer and len(self._buffer) < LONGEST and not self._ended:
            data = os.read(self._fd, 1 << 16)
            self._ended = not data
            self._buffer += data
        if not self._buffer:
            raise StopIteration
        end = min(self._buffer.find(b"\n") + 1 or LONGEST, LONGEST)
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        return line


class Head:
    """What the head of cron's mail says: the user, the command, whether it failed, and whether the body is quoted-printable."""

    __slots__ = ("command", "failed", "quoted", "user")

    def __init__(self, lines: "Iterator[bytes]") -> None:
        subject = b""
        self.quoted = False
        for line in lines:
            if line == b"\n":
                break
            name, _, value = line.partition(b": ")
            if name == b"Subject":
                subject = value.removeprefix(b"Cron <").rstrip(b"\n")
            elif name.lower() == b"content-transfer-encoding":
                self.quoted = value.strip().lower() == b"quoted-printable"
        address, _, command = subject.partition(b"> ")
        self.user = address.partition(b"@")[0]
        self.failed = command.endswith(_FAILED)
        self.command = command.removesuffix(_FAILED)


def unquoted(lines: "Iterator[bytes]") -> "Iterator[bytes]":
    """The lines that quoted-printable ones stand for (RFC 2045, section 6.7), in pieces of about LONGEST bytes at most."""
    whole = b""
    for line in lines:
        soft = line.endswith(b"=\n")
        first, *others = (line[:-2] if soft else line).split(b"=")
        whole += first
        for part in others:
            try:
                whole += bytes((int(part[:2], 16),)) + part[2:]
            except ValueError:
                whole += b"=" + part
        if not soft or len(whole) >= LONGEST:
            yield whole
            whole = b""
    if whole:
        yield whole


class Log:
    """The system log, else standard error, which is the cron service's and so the container's log.

    name: the job's. The number in brackets is that of cron's child, which logs the job's start and
    its exit code under the same.
    """

    __slots__ = ("_head", "_socket", "name")

    def __init__(self, name: bytes, priority: int) -> None:
        self.name = name
        self._head = b"<%d>" % priority
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)

    def write(self, line: bytes) -> None:
        """One line, to be found under `cron/NAME`."""
        text = b"cron/%s[%d]: %s" % (self.name, os.getppid(), line)
        try:
            stamp = time.strftime("%b %e %H:%M:%S ").encode()
            self._socket.sendto(self._head + stamp + text, paths.DEV_LOG)
        except OSError:
            try:
                files.write_all(2, text + b"\n")
            except OSError:
                pass
