"""D1 to D4, B13: what can go wrong between a service, its runsv and PID 1."""

import os
import signal
import subprocess
import time

import pytest

from tests.process.world import LOOP, Container, World, until


def state_of(container: Container, name: str) -> str:
    """What PID 1 thinks of a service; empty before it does."""
    return container.policy(name).get("state", "")


def status_pid(container: Container, name: str) -> int:
    """The pid that runsv has written last, as the container numbers it: the service's or its finish's; 0 for none."""
    status = container.root / "run/dodai/service" / name / "supervise/status"
    return int.from_bytes(status.read_bytes()[12:16], "little")


def runsv_of(container: Container, name: str) -> str:
    """The pid of a service's supervisor, as the container numbers it."""
    return container.call("pgrep", "-f", f"^runsv .*/service/{name}$").split()[0]


def test_a_runsv_killed_while_its_finish_waits(world: World) -> None:
    """PID 1 hears of the end of the service and of the end of its runsv in one moment."""
    world.service("s", "echo start; until [ -e /go ]; do sleep 0.01; done; rm /go; exit 1")
    world.service("other", f'trap "echo asked; exit 0" TERM; {LOOP}')
    with world.start() as container:
        until(lambda: state_of(container, "s") == state_of(container, "other") == "ready", "both")
        run, runsv = status_pid(container, "s"), runsv_of(container, "s")
        os.kill(container.pid, signal.SIGSTOP)
        (container.root / "go").touch()
        until(lambda: status_pid(container, "s") not in (0, run), "finish")
        finish = container.root / f"proc/{status_pid(container, 's')}"
        # It opens descriptor 3, tells PID 1, and sleeps.
        until(lambda: "3" in os.listdir(finish / "fd") and ") S " in (finish / "stat").read_text(), "word to PID 1")
        container.call("kill", "-9", runsv)
        os.kill(container.pid, signal.SIGCONT)
        until(lambda: container.out.count(b"start") == 2, "next start", lambda: container.err)
        until(lambda: state_of(container, "s") == "ready", "next instance")
        assert b"asked" not in container.out, "somebody else's service was ended"


def test_a_service_that_became_critical_later_is_restarted_after_an_exit_with_0(world: World) -> None:
    """Dodai's own files count from the next time the directory is made; its finish has to see it that way, too."""
    world.service("s", "echo start; until [ -e /go ]; do sleep 0.01; done; rm /go; exit 0")
    with world.start() as container:
        container.wait_for(b"start")
        (container.root / "etc/service/s/critical").touch()
        (container.root / "go").touch()
        until(lambda: container.out.count(b"start") == 2, "next start")


NOTIFY = """#!/usr/bin/python3 -I
import os, socket, time
while not os.path.exists("/go-" + os.path.basename(os.getcwd())):
    time.sleep(0.01)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.sendto(b"\\0\\377 garbage\\nREADY=1\\nREADY=0", os.environ["NOTIFY_SOCKET"])
os.execv("/bin/sleep", ["sleep", "1000"])
"""


def test_a_service_that_comes_after_another_has_gone_gets_a_socket_of_its_own(world: World) -> None:
    for name in "ab":
        world.file(f"/etc/service/{name}/serve", NOTIFY, 0o755)
        world.service(name, "exec ./serve", notify="")
    with world.start() as container:
        until(lambda: state_of(container, "b") == "running", "b")
        services = container.root / "etc/service"
        (services / "a").rename(services / ".a")
        until(lambda: state_of(container, "a") == "down", "the end of a")
        (services / ".a").rename(services / "c")
        until(lambda: state_of(container, "c") == "running", "c")
        (container.root / "go-b").touch()
        until(lambda: state_of(container, "b") == "ready", "word of b", lambda: str(container.policy("c")))
        assert state_of(container, "c") == "running"


@pytest.mark.root  # strace on a process of another user namespace
def test_a_service_that_is_ready_before_runsv_has_told_of_it(world: World) -> None:
    world.script("/new/run", "echo >&3; echo up; exec sleep 1000")
    world.file("/new/notification-fd", "3")
    with world.start() as container:
        until((container.root / "run/dodai/service").is_dir, "state")
        delay = ["-e", "trace=clone", "-e", "inject=clone:delay_exit=300000"]
        words = ["strace", "-f", *delay, "-o", "/dev/null", "-p", str(container.pid)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            assert "attached" in strace.stderr.readline()
            (container.root / "new").rename(container.root / "etc/service/new")
            try:
                container.wait_for(b"up\n")
                until(lambda: state_of(container, "new") in ("running", "ready"), "word of runsv")
            finally:
                strace.kill()
        until(lambda: state_of(container, "new") == "ready", "ready", lambda: str(container.policy("new")))


def test_a_directory_called_log_that_holds_no_logger(world: World) -> None:
    """There are services that keep their own files there; runsv would start ./log/run for ever."""
    world.service("file", "echo up", log="text")
    world.service("directory", "echo up", **{"log/mine.log": "text"})
    with world.start() as container:
        until(lambda: container.out.count(b"up") == 2, "both")
        assert "runsv" not in container.err


def test_what_a_killed_runsv_has_left_is_ended_before_the_next_start(world: World) -> None:
    world.service("s", "setsid sleep 1234 & echo start; wait", check="#!/bin/sh\n[ -e /ready ]\n")
    world.service("app", "echo app; exec sleep 1000", depends="s")
    world.script("/etc/my_init.d/10", "touch /ready")
    with world.start() as container:
        until(lambda: state_of(container, "app") == "ready", "both")
        (container.root / "ready").unlink()
        container.call("kill", "-9", runsv_of(container, "s"))
        until(lambda: container.out.count(b"start") == 2, "next start")
        assert len(container.call("pgrep", "-f", "sleep 1234").split()) <= 1
        until(lambda: state_of(container, "s") == "running", "next instance, of which nobody knows whether it is ready")


@pytest.mark.root  # mount
def test_a_runsv_that_cannot_be_replaced_now_is_replaced_later(world: World) -> None:
    world.service("s", "echo start; exec sleep 1000")
    with world.start() as container:
        until(lambda: state_of(container, "s") == "ready", "s")
        home = "/run/dodai/service/s"
        container.call("sh", "-c", f"mkdir {home}/busy; mount -t tmpfs x {home}/busy")
        container.call("kill", "-9", runsv_of(container, "s"))
        until(lambda: "cannot start service 's'" in container.err, "line")
        container.call("umount", f"{home}/busy")
        container.kill(signal.SIGHUP)
        until(lambda: container.out.count(b"start") == 2, "next start")


@pytest.mark.root  # other uids
def test_what_a_service_left_and_nobody_may_kill_is_named_and_not_waited_for(world: World) -> None:
    """A my_init that is not root, and a program with the set-uid bit."""
    as_user = "cp /usr/bin/setpriv /somebody; chmod 4755 /somebody; exec setpriv --reuid=1000 --clear-groups"
    left = "/somebody --reuid=4321 --clear-groups sleep 1000"
    world.service("s", f"[ -e /tmp/seen ] || {{ touch /tmp/seen; {left} & sleep 0.1; exit 1; }}; echo second; exec sleep 1000")
    with world.start(through=["sh", "-c", f'{as_user} "$@"', "sh"]) as container:
        container.wait_for(b"second")
        assert "service 's' is started again beside what it has left and cannot be killed" in container.err
        assert "(sleep)" in container.err


def test_a_copier_that_ends_at_once_is_not_started_again_and_again(world: World) -> None:
    world.service("s", "echo line; exec sleep 1000")
    world.script("/usr/lib/dodai/service/copy-logs", "exit 1")
    with world.start(environment={"MY_INIT_LOG_FORMAT": "prefix"}) as container:
        until(lambda: container.err.count("is replaced") == 2, "second try")
        before = time.monotonic()
        until(lambda: container.err.count("is replaced") == 3, "third try")
        assert time.monotonic() - before > 0.5


@pytest.mark.root  # strace on a process of another user namespace
def test_a_directory_that_cannot_be_read_is_no_reason_to_stop_its_services(world: World) -> None:
    world.service("s", f'trap "echo asked; exit 0" TERM; echo up; {LOOP}')
    with world.start() as container:
        until(lambda: state_of(container, "s") == "ready", "s")
        trace = world.scratch / "trace"
        fault = ["-P", "/etc/service", "-e", "inject=openat:error=EMFILE"]
        words = ["strace", "-o", str(trace), *fault, "-p", str(container.pid)]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            assert any("attached" in line for line in strace.stderr)
            made = container.root / "etc/service/made"
            try:
                made.mkdir()
                (made / "run").symlink_to("/bin/true")
                container.kill(signal.SIGHUP)
                until(lambda: "INJECTED" in trace.read_text(), "scan that failed")
            finally:
                strace.kill()
        until(lambda: state_of(container, "made"), "made")
        assert b"asked" not in container.out


def test_the_end_of_a_critical_system_logger_ends_the_boot(world: World) -> None:
    world.service("syslog-ng", "exit 5", critical="")
    world.script("/etc/my_init.d/10", "echo startup")
    result = world.run("--", "echo", "command")
    assert result.code == 5
    assert b"command" not in result.stdout


def test_what_can_be_no_service_is_named_once(world: World) -> None:
    world.service("flaps", "echo flap; exit 0")
    world.script("/etc/my_init.d/10", "ln -s /nowhere /etc/service/link; mkdir /etc/service/broken")
    with world.start() as container:
        until(lambda: container.out.count(b"flap") == 3, "three instances")
        assert container.err.count("a link to nothing") == 1
        assert container.err.count("'broken' is not started") == 1


@pytest.mark.parametrize("log_format", ["plain", "prefix"])
def test_more_services_than_descriptors(world: World, log_format: str) -> None:
    """Without room to watch a service it is looked at; nothing is stopped or left out for it."""
    names = [f"s{number}" for number in range(40)]
    for name in names:
        world.service(
            name, f'trap "echo asked; exit 0" TERM; {LOOP.replace("0.02", "0.5")}', depends="" if name == "s0" else "s0"
        )
    world.script("/new/run", "echo new-up; exec sleep 1000")
    through = ["sh", "-c", 'ulimit -n 40; exec "$@"', "sh"]
    with world.start(through=through, environment={"MY_INIT_LOG_FORMAT": log_format}) as container:
        until(lambda: all(state_of(container, name) == "ready" for name in names), "all", lambda: container.err)
        (container.root / "new").rename(container.root / "etc/service/new")
        container.wait_for(b"new-up")
        assert b"asked" not in container.out
        assert container.stop().code == 0


def test_a_removed_service_keeps_its_stop_timeout(world: World) -> None:
    world.service("s", f'trap "" TERM; echo up; {LOOP}', **{"stop-timeout": "0.2"})
    with world.start() as container:
        container.wait_for(b"up")
        until(lambda: state_of(container, "s") == "ready", "s")
        (container.root / "etc/service/s").rename(container.root / "gone")
        until(lambda: state_of(container, "s") == "stopping", "its end")
        before = time.monotonic()
        assert container.stop().code == 0
        assert time.monotonic() - before < 2
