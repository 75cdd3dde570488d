"""Start supervisors that adopt the orphans of their service (prctl(2), PR_SET_CHILD_SUBREAPER).

What a service leaves behind stays below its own runsv then, whatever sessions it made, and can be
told from everybody else's. python3-minimal has no prctl and no code may run between posix_spawn and
exec, so one perl (perl-base is essential in Debian) forks them all, names their pids and ends; they
become our children as every orphan does. One millisecond for the first, as much as posix_spawn for
each further one.
"""

from guest.floor import kernel, paths
from guest.mechanism import files, program, reap, spawn, subreaper

_SECONDS = 5.0  # in which perl has answered even on a machine that pages
_TRIES = 3
_INTERPRETER = b"/usr/bin/perl"

# Standard input: the number of variables, the variables, then four words a job; each ends in a NUL.
_PROGRAM = b"""
my ($setsid, $prctl, $stdout) = map { $_ + 0 } @ARGV;
# A copy that exec closes; the original would stay open in every service.
open my $out, ">&", $stdout;
open my $original, ">&=", $stdout;
close $original;
local $/;
my @words = split /\\0/, <STDIN>, -1;
my $count = shift @words;
exit 0 unless defined $count && length $count;
%ENV = map { split /=/, $_, 2 } splice @words, 0, $count;
while (@words >= 4) {
    my ($home, $to, $err, $extra) = splice @words, 0, 4;
    my $pid = fork;
    if (!defined $pid) { syswrite STDOUT, "0\\n"; next; }
    if ($pid) { syswrite STDOUT, "$pid\\n"; next; }
    syscall($setsid);
    syscall($prctl, 36, 1, 0, 0, 0);
    open STDIN, "<", "/dev/null";
    if ($to eq "") { open STDOUT, ">&", $out } else { open STDOUT, ">", $to }
    if ($err ne "") { open STDERR, ">", $err }
    if ($extra ne "") { my ($name, $value) = split /=/, $extra, 2; $ENV{$name} = $value; }
    exec { "RUNSV" } "runsv", $home;
    kill 9, $$;
}
""".replace(b"RUNSV", paths.RUNSV)


class Job:
    """One supervisor to start: its directory, files to write to ("" for our own) and a variable or ""."""

    __slots__ = ("err", "extra", "home", "out", "pid", "problem")

    def __init__(self, home: bytes, out: bytes = b"", err: bytes = b"", extra: bytes = b"") -> None:
        self.home = home
        self.out = out
        self.err = err
        self.extra = extra
        self.pid = 0
        self.problem = ""


class _Perl:
    """A perl that has been started: its pid, where to write the request and where to read the answer."""

    __slots__ = ("pid", "reader", "writer")

    def __init__(self, pid: int, writer: int, reader: int) -> None:
        self.pid = pid
        self.writer = writer
        self.reader = reader


_waiting: _Perl | None = None  # one that was started before there was anything to do


def warm() -> None:
    """Start perl now, since its own start takes as long as all that PID 1 does until the first service."""
    global _waiting
    if _waiting is None and subreaper.adopts():
        try:
            _waiting = _perl()
        except OSError:
            pass  # `start` tries again


def cool() -> None:
    """Nothing is to be started after all: let the waiting perl end."""
    global _waiting
    if _waiting is not None:
        kernel.close(_waiting.writer)
        kernel.close(_waiting.reader)
        reap.forget(_waiting.pid)
        _waiting = None


def start(jobs: list[Job], environment: dict[bytes, bytes]) -> None:
    """Start runsv for every job, each in a session of its own, and set and register its pid. Raises nothing.

    A job that could not be started keeps pid 0 and says why in `problem`.
    """
    if subreaper.adopts():
        try:
            _by_perl(jobs, environment)
        except OSError:
            pass  # what perl could not do is done without it below
    for job in jobs:
        if not job.pid:
            try:
                job.pid = _by_ourselves(job, environment)
            except program.CannotStart as problem:
                job.problem = problem.text


def _by_perl(jobs: list[Job], environment: dict[bytes, bytes]) -> None:
    """Raises OSError; pids that were named before stay set."""
    global _waiting
    if not kernel.access(paths.RUNSV, kernel.X_OK, effective_ids=True):
        return
    perl = _waiting or _perl()
    _waiting = None
    if perl is None:
        return
    try:
        try:
            files.write_all(perl.writer, _request(jobs, environment))
        finally:
            kernel.close(perl.writer)
        _take_pids(jobs, perl.reader)
    finally:
        kernel.close(perl.reader)
        reap.forget(perl.pid)


def _perl() -> _Perl | None:
    """Start it; None where the numbers of its system calls are not known. Raises OSError."""
    numbers = subreaper.system_calls()
    if numbers is None:
        return None
    request_reader, request_writer = kernel.pipe()
    reply_reader, reply_writer = kernel.pipe()
    setsid, prctl = numbers
    try:
        # The number of the first pipe is free again once it is descriptor 0: there our stdout waits for the children.
        actions = [
            (kernel.POSIX_SPAWN_DUP2, request_reader, 0),
            (kernel.POSIX_SPAWN_DUP2, 1, request_reader),
            (kernel.POSIX_SPAWN_DUP2, reply_writer, 1),
        ]
        arguments = [b"perl", b"-e", _PROGRAM, *(b"%d" % number for number in (setsid, prctl, request_reader))]
        # An empty environment: neither PERL5OPT nor a missing locale may say something here.
        pid = kernel.posix_spawn(_INTERPRETER, arguments, {}, file_actions=actions, setsigmask=(), setsigdef=spawn.DEFAULTS)
        reap.register(pid)
        return _Perl(pid, request_writer, reply_reader)
    except OSError:
        kernel.close(request_writer)
        kernel.close(reply_reader)
        raise
    finally:
        kernel.close(request_reader)
        kernel.close(reply_writer)


def _request(jobs: list[Job], environment: dict[bytes, bytes]) -> bytes:
    words = [b"%d" % len(environment), *(b"%s=%s" % item for item in environment.items())]
    for job in jobs:
        words += [job.home, job.out, job.err, job.extra]
    return b"\0".join(words) + b"\0"


def _take_pids(jobs: list[Job], reader: int) -> None:
    import select  # only here, and the loop of PID 1 must not hang on a perl that somebody has stopped

    waiting = iter(jobs)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    rest = b""
    tries = _TRIES
    while poll.poll(_SECONDS * 1000):
        try:
            data = kernel.read(reader, 4096)
        except OSError:
            tries -= 1
            if not tries:
                raise
            continue  # a pid that is not read is a supervisor that nobody knows of
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            job = next(waiting)
            job.pid = int(line)
            if job.pid:
                reap.register(job.pid)


def _by_ourselves(job: Job, environment: dict[bytes, bytes]) -> int:
    """posix_spawn(3): the orphans of the service come to PID 1 then. Raises program.CannotStart."""
    variables = dict(environment)
    if job.extra:
        name, _, value = job.extra.partition(b"=")
        variables[name] = value
    return spawn.start(
        [b"runsv", job.home],
        variables,
        path=paths.RUNSV,
        session=True,
        stdin=b"/dev/null",
        stdout=job.out or None,
        stderr=job.err or None,
    )
