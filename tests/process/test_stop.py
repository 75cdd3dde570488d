"""B2, B3, B5: the orderly stop, its budget and its hooks."""

import signal
import time

import pytest

from tests.process.world import World

STUBBORN = 'trap "" TERM; echo up; while :; do sleep 0.05; done'


def test_a_stop_without_a_command_is_a_success(world: World) -> None:
    world.service("s", "echo up; exec sleep 1000")
    for number in (signal.SIGTERM, signal.SIGINT):
        with world.start() as container:
            container.wait_for(b"up")
            assert container.stop(number).code == 0


def test_the_order_of_the_stop(world: World) -> None:
    world.service("s", 'trap "echo service; exit 0" TERM; echo up; while :; do sleep 0.02; done')
    world.script("/etc/my_init.d/10_daemon", '(trap "echo other; exit 0" TERM; while :; do sleep 0.02; done) &')
    world.script("/etc/my_init.pre_shutdown.d/20", "echo pre2")
    world.script("/etc/my_init.pre_shutdown.d/10", "echo pre1")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    with world.start("--", "sh", "-c", 'trap "echo command; exit 7" TERM; while :; do sleep 0.02; done') as container:
        container.wait_for(b"up")
        result = container.stop()
    assert result.code == 7
    assert result.stdout.split() == [b"up", b"pre1", b"pre2", b"command", b"service", b"other", b"post"]


def test_a_stop_never_hangs_and_hooks_always_run(world: World) -> None:
    world.service("stubborn", STUBBORN)
    world.script("/etc/my_init.d/10_orphan", '(trap "" TERM; while :; do sleep 0.05; done) &')
    world.script("/etc/my_init.pre_shutdown.d/10", "sleep 1000")
    world.script("/etc/my_init.pre_shutdown.d/20", "echo second; exit 9")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    with world.start(environment={"MY_INIT_STOP_BUDGET": "2"}) as container:
        container.wait_for(b"up")
        before = time.monotonic()
        result = container.stop()
        assert time.monotonic() - before < 2.5
    assert result.code == 0
    assert b"second" in result.stdout
    assert b"post" in result.stdout
    for words in (
        "10 takes longer than its share",
        "20 failed: exit code 9",
        "service 'stubborn' did not stop",
        "did not end in time",
    ):
        assert words in result.stderr


def test_a_second_term_does_not_abort(world: World) -> None:
    world.service("s", 'trap "sleep 0.5; echo clean; exit 0" TERM; echo up; while :; do sleep 0.02; done')
    with world.start() as container:
        container.wait_for(b"up")
        container.kill(signal.SIGTERM)
        container.kill(signal.SIGINT)
        assert container.stop().stdout == b"up\nclean\n"


def test_a_stopped_service_is_continued(world: World) -> None:
    world.service("s", 'trap "echo clean; exit 0" TERM; echo up; kill -STOP $$; while :; do sleep 0.02; done')
    with world.start() as container:
        container.wait_for(b"up")
        assert container.stop().stdout == b"up\nclean\n"


def test_another_process_that_is_stopped_is_continued(world: World) -> None:
    world.script("/job", 'trap "echo clean; exit 0" TERM; echo up; kill -STOP $$; while :; do sleep 0.02; done')
    world.script("/etc/my_init.d/10", "/job &")
    with world.start() as container:
        container.wait_for(b"up")
        assert container.stop().stdout == b"up\nclean\n"


def test_a_service_is_killed_when_its_time_is_over(world: World) -> None:
    # Nobody but the services is killed here, so this one would outlive them.
    world.service("stubborn", f"echo $$ >/tmp/pid; {STUBBORN}")
    world.script("/etc/my_init.post_shutdown.d/10", "kill -0 $(cat /tmp/pid) && echo lives || echo killed")
    with world.start("--no-kill-all-on-exit", environment={"KILL_PROCESS_TIMEOUT": "0.3"}) as container:
        container.wait_for(b"up")
        assert container.stop().stdout.splitlines()[-1] == b"killed"


def test_what_is_not_asked_for_with_no_kill_all(world: World) -> None:
    world.script("/etc/my_init.d/10", '(trap "echo asked; exit 0" TERM; while :; do sleep 0.02; done) & echo up')
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    assert b"asked" not in world.run("--no-kill-all-on-exit", "--", "true").stdout
    assert b"asked" in world.run("--", "true").stdout


def test_explicit_timeouts_are_honoured(world: World) -> None:
    world.service("stubborn", STUBBORN)
    with world.start(environment={"KILL_PROCESS_TIMEOUT": "0.3"}) as container:
        container.wait_for(b"up")
        before = time.monotonic()
        container.stop()
        assert 0.25 < time.monotonic() - before < 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_in_a_startup_file_with_a_command(world: World, number: int, code: int) -> None:
    world.script("/etc/my_init.d/10", 'trap "exit 3" TERM; echo in; sleep 1000')
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    with world.start("--", "echo", "never") as container:
        container.wait_for(b"in")
        result = container.stop(number)
    assert result.code == code
    assert result.stdout == b"in\npost\n"


def test_a_stop_in_a_startup_file_without_a_command(world: World) -> None:
    world.script("/etc/my_init.d/10", "echo in; sleep 1000")
    with world.start() as container:
        container.wait_for(b"in")
        assert container.stop().code == 0
