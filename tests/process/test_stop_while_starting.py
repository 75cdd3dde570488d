"""B2, D1: a stop that meets a service in the moment in which runsv has forked it and not yet said so.

And one that has ended in less than a second, after which runsv sleeps for one.
"""

import subprocess
from pathlib import Path

import pytest

from tests.process.world import World, until

PERL = """#!/usr/bin/perl
$| = 1;
$SIG{TERM} = sub { print "asked\\n"; exit 0 };
print "up\\n";
sleep 1000;
"""


@pytest.mark.root  # strace on a process of another user namespace
def test_a_service_that_was_forked_just_now_is_asked_and_waited_for(world: World) -> None:
    """strace holds runsv between fork(2) and the writing of its status, which still says that nothing runs."""
    # Otherwise it would be asked as one of the others, too late and without its own time.
    with world.start("--no-kill-all-on-exit") as container:
        until((container.root / "run/dodai/service").is_dir, "state")
        delay = ["-e", "trace=clone", "-e", "inject=clone:delay_exit=1000000"]
        # A perl was started early, in case there were services, and ends; whoever forks runsv comes later and is followed.
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
        until(lambda: not children.read_text(), "the end of what was started early")
        words = ["strace", "-f", *delay, "-o", "/dev/null", "-p", str(container.pid)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            assert "attached" in strace.stderr.readline()
            made = container.root / "etc/made"
            made.mkdir()
            (made / "run").write_text(PERL)
            (made / "run").chmod(0o755)
            made.rename(container.root / "etc/service/made")
            container.wait_for(b"up\n")
            result = container.stop()
            strace.kill()
    assert (result.code, result.stdout) == (0, b"up\nasked\n"), result.stderr


def test_what_an_ended_service_leaves_does_not_cost_a_second(world: World) -> None:
    """Its runsv adopts what it leaves, and is not waited for on that account."""
    world.service("s", "sleep 1000 & : >/tmp/up; wait")
    world.script("/command", "until [ -e /tmp/up ]; do :; done; date +%s%N")
    world.script("/etc/my_init.post_shutdown.d/10", "date +%s%N; cat /proc/[0-9]*/comm | grep -c sleep")
    first, last, left = map(int, world.run("--", "/command").stdout.split())
    assert last - first < 900_000_000
    assert left == 0
