"""Start supervisors that adopt the orphans of their service (prctl(2), PR_SET_CHILD_SUBREAPER).

What a service leaves behind stays below its own runsv then, whatever sessions it made, and can be
told from everybody else's. python3-minimal has no prctl and no code may run between posix_spawn and
exec, so one perl (perl-base is essential in Debian) forks them all, names their pids and ends; they
become our children as every orphan does. One millisecond for the first, as much as posix_spawn for
each further one.
"""

import os

from guest.floor import paths
from guest.mechanism import files, program, reap, spawn, subreaper

_SECONDS = 5.0  # in which perl has answered even on a machine that pages
_PERL = b"/usr/bin/perl"

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
    numbers = subreaper.system_calls()
    if numbers is None or not os.access(paths.RUNSV, os.X_OK, effective_ids=True):
        return
    request_reader, request_writer = os.pipe()
    reply_reader, reply_writer = os.pipe()
    setsid, prctl = numbers
    try:
        # The number of the first pipe is free again once it is descriptor 0: there our stdout waits for the children.
        actions = [
            (os.POSIX_SPAWN_DUP2, request_reader, 0),
            (os.POSIX_SPAWN_DUP2, 1, request_reader),
            (os.POSIX_SPAWN_DUP2, reply_writer, 1),
        ]
        arguments = [b"perl", b"-e", _PROGRAM, *(b"%d" % number for number in (setsid, prctl, request_reader))]
        # An empty environment: neither PERL5OPT nor a missing locale may say something here.
        pid = os.posix_spawn(_PERL, arguments, {}, file_actions=actions, setsigmask=(), setsigdef=spawn.DEFAULTS)
        reap.register(pid)
    finally:
        os.close(request_reader)
        os.close(reply_writer)
    try:
        try:
            files.write_all(request_writer, _request(jobs, environment))
        finally:
            os.close(request_writer)
        _take_pids(jobs, reply_reader)
    finally:
        os.close(reply_reader)
        reap.forget(pid)


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
    while poll.poll(_SECONDS * 1000):
        data = os.read(reader, 4096)
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
