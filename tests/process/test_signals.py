"""B2, B3, B9: every signal goes where it belongs, and a request to stop counts in every phase of life, also twice."""

import signal
import time

import pytest

from tests.process.world import LOOP, World, until

# What nobody can catch; what asks for the stop; the end of a child.
NOT_FORWARDED = {signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
FORWARDED = sorted(int(number) for number in signal.valid_signals() - NOT_FORWARDED)

TAKER = """#!/usr/bin/python3 -IS
import os, signal, sys
every = signal.valid_signals()
signal.pthread_sigmask(signal.SIG_BLOCK, every)
who = b"leader" if os.fork() else b"member"
os.write(1, who + b" up\\n")
while True:
    number = signal.sigwaitinfo(every).si_signo
    if number != signal.SIGCHLD:
        os.write(1, who + b" %d\\n" % number)
    if number == signal.SIGTERM:
        sys.exit(7)
"""


def test_every_catchable_signal_reaches_the_commands_whole_group(world: World) -> None:
    assert {signal.SIGHUP, signal.SIGSEGV, signal.SIGTSTP, signal.SIGIO, signal.SIGRTMIN + 3} <= set(FORWARDED)
    world.file("/command", TAKER, 0o755)
    with world.start("--", "/command") as container:
        container.wait_for(b"leader up")
        container.wait_for(b"member up")
        for number in FORWARDED:
            container.kill(number)
            container.wait_for(b"leader %d\n" % number)
            container.wait_for(b"member %d\n" % number)
        result = container.stop()
    assert result.code == 7
    assert result.stdout.count(b"\n") == 2 * (1 + len(FORWARDED) + 1), "each of them once"


SLOW = "echo {0}; sleep 0.1; echo {0}-over"
BEFORE, AFTER = ("script", "rc.local"), ("command", "pre", "service", "other", "post")


@pytest.mark.parametrize("phase", BEFORE + AFTER)
def test_a_stop_asked_for_again_in_any_phase_is_one_orderly_stop(world: World, phase: str) -> None:
    world.script(
        "/etc/my_init.d/10",
        f"(trap 'echo other; sleep 0.1; exit 0' TERM; touch /trap; {LOOP}) & until [ -e /trap ]; do sleep 0.01; done\n"
        + SLOW.format("script"),
    )
    world.script("/etc/rc.local", SLOW.format("rc.local"))
    world.service("s", f"trap 'echo service; sleep 0.1; exit 0' TERM; touch /up; {LOOP}")
    world.script("/command", f"trap 'exit 7' TERM; until [ -e /up ]; do sleep 0.01; done; echo command; {LOOP}")
    world.script("/etc/my_init.pre_shutdown.d/10", SLOW.format("pre"))
    world.script("/etc/my_init.post_shutdown.d/10", SLOW.format("post"))
    with world.start("--", "/command") as container:
        if phase in AFTER:
            container.wait_for(b"command\n")
            container.kill(signal.SIGTERM)
        container.wait_for(phase.encode())
        before = time.monotonic()
        container.kill(signal.SIGTERM)
        result = container.stop()
        assert time.monotonic() - before < 4
    seen = result.stdout.split()
    assert result.code == (7 if phase in AFTER else 143)
    # What an interrupted script has started is asked together with it; a daemon of an earlier one in its own stage.
    expected = [b"other", b"pre-over", b"post-over"] if phase == "script" else [b"pre-over", b"other", b"post-over"]
    assert [word for word in seen if word in expected] == expected
    assert (b"service" in seen) == (phase in AFTER)


def test_a_stop_while_services_come_up(world: World) -> None:
    """Fifty services are being started one after the other when the signal comes."""
    for number in range(50):
        world.service(f"s{number}", "exec sleep 1000")
    with world.start() as container:
        until(lambda: "S" in container.states(), "first process")
        before = time.monotonic()
        assert container.stop().code == 0
        assert time.monotonic() - before < 3


def test_a_frozen_and_thawed_init_goes_on(world: World) -> None:
    """SIGSTOP from outside, as a debugger or `docker pause` does: what came meanwhile counts afterwards."""
    world.script("/command", "(sleep 0.1 &); echo up; sleep 0.3; exit 7")
    with world.start("--", "/command") as container:
        container.wait_for(b"up")
        container.kill(signal.SIGSTOP)
        until(lambda: "Z" in container.states(), "child that waits to be reaped")
        container.kill(signal.SIGHUP)
        container.kill(signal.SIGCONT)
        assert container.result().code in (7, 128 + signal.SIGHUP)
