"""D1 to D4, B13: what can go wrong between a service, its runsv and PID 1."""

import os
import signal
import subprocess

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
