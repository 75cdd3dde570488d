"""B4, B5, B8, C4: startup files, rc.local, and what ends the boot."""

import pytest

from tests.process.world import World


def test_startup_files_run_in_byte_order_then_rc_local_then_services_then_the_command(world: World) -> None:
    for name in ("a", "B", "10", "9"):
        world.script(f"/etc/my_init.d/{name}", f"echo {name}")
    world.file("/etc/my_init.d/not", "#!/bin/sh\necho wrong\n")
    world.script("/etc/rc.local", "echo rc.local")
    result = world.run("--", "echo", "command")
    assert result.stdout.split() == [b"10", b"9", b"B", b"a", b"rc.local", b"command"]
    assert "/etc/my_init.d/not is skipped: not executable; run chmod +x on it" in result.stderr


@pytest.mark.parametrize(
    ("body", "code"),
    [("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143)],
)
@pytest.mark.parametrize("path", ["/etc/my_init.d/20", "/etc/rc.local"])
def test_a_failing_startup_file_ends_the_boot_with_its_code(world: World, path: str, body: str, code: int) -> None:
    world.script("/etc/my_init.d/10", "echo first")
    world.script(path, body)
    world.script("/etc/my_init.post_shutdown.d/10", "echo post")
    world.service("s", "echo service; exec sleep 1000")
    result = world.run("--", "echo", "command")
    assert result.code == code
    assert result.stdout == b"first\npost\n"
    assert path in result.stderr


def test_a_startup_file_that_cannot_start(world: World) -> None:
    world.file("/etc/my_init.d/10", "#!/bin/sh\r\ntrue\r\n", 0o755)
    result = world.run("--", "true")
    assert result.code == 127
    assert "CRLF" in result.stderr


def test_another_directory_of_startup_files(world: World) -> None:
    world.script("/etc/my_init.d/10", "echo wrong")
    world.script("/app/init/10", "echo right")
    assert world.run("--", "true", environment={"ENV_INIT_DIRECTORY": "/app/init"}).stdout == b"right\n"


def test_startup_files_can_be_left_out(world: World) -> None:
    world.script("/etc/my_init.d/10", "echo wrong")
    world.script("/etc/rc.local", "echo wrong")
    assert world.run("--skip-startup-files", "--", "true").stdout == b""


def test_services_can_be_left_out(world: World) -> None:
    world.service("s", "exec sleep 1000")
    command = "ls /run/dodai/service 2>/dev/null; cat /proc/[0-9]*/comm 2>/dev/null | grep -c runsv"
    assert world.run("--", "sh", "-c", command).stdout == b"s\n1\n"
    assert world.run("--skip-runit", "--", "sh", "-c", command).stdout == b"0\n"


def test_a_daemon_of_a_startup_file_lives_on(world: World) -> None:
    world.script("/etc/my_init.d/10", "(sleep 0.2; echo late >/late) &")
    world.script("/wait", "until [ -e /late ]; do sleep 0.01; done; cat /late")
    assert world.run("--", "/wait").stdout == b"late\n"


def test_each_startup_file_sees_what_the_one_before_said(world: World) -> None:
    world.script("/etc/my_init.d/10", "echo two >/etc/container_environment/A; rm /etc/container_environment/B")
    world.script("/etc/my_init.d/20", 'echo "$A-${B-none}-$HOME"; . /etc/container_environment.sh; echo "$A"')
    world.service("s", 'echo "$A" >/seen; exec sleep 1000')
    world.script("/wait", 'until [ -s /seen ]; do sleep 0.01; done; cat /seen; echo "$A"')
    result = world.run("--", "/wait", environment={"A": "one", "B": "b"})
    assert result.stdout.split() == [b"two-none-/root", b"two", b"two", b"two"]
