"""B4, B5, B8, D3, D7: every path to the end, with every way a program can fail, and no exit code lies.

The one-shot's own codes and the signals that killed it are in test_one_shot.py.
"""

import signal

import pytest

from tests.process.world import World

STARTUP, RC_LOCAL = "/etc/my_init.d/20", "/etc/rc.local"
PRE, POST = "/etc/my_init.pre_shutdown.d/20", "/etc/my_init.post_shutdown.d/20"

# Content, mode, exit code of a boot that needs it, what is said of it.
FAILURES: dict[str, tuple[str, int, int, str]] = {
    "exit 1": ("#!/bin/sh\nexit 1\n", 0o755, 1, "exit code 1"),
    "exit 255": ("#!/bin/sh\nexit 255\n", 0o755, 255, "exit code 255"),
    "wrong format": ("true\n", 0o755, 126, "no #! line"),
    "empty": ("", 0o755, 126, "the file is empty"),
    "missing interpreter": ("#!/no/such\n", 0o755, 127, "its interpreter '/no/such' is missing"),
    "CRLF": ("#!/bin/sh\r\ntrue\r\n", 0o755, 127, "CRLF"),
    **{
        f"killed by {number}": (f"#!/bin/sh\nkill -{number} $$\n", 0o755, 128 + number, f"killed by signal {number} ")
        for number in (signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE, signal.SIGTERM, signal.SIGRTMAX)
    },
}


def a_life(world: World) -> None:
    world.script("/etc/my_init.pre_shutdown.d/10", "echo pre-10")
    world.script("/etc/my_init.pre_shutdown.d/30", "echo pre-30")
    world.script("/etc/my_init.post_shutdown.d/10", "echo post-10")
    world.script("/etc/my_init.post_shutdown.d/30", "echo post-30")


HOOKS = [b"pre-10", b"pre-30", b"post-10", b"post-30"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("path", [STARTUP, RC_LOCAL])
def test_a_startup_file_that_fails_ends_the_boot_with_its_code(world: World, path: str, failure: str) -> None:
    content, mode, code, words = FAILURES[failure]
    a_life(world)
    world.file(path, content, mode)
    result = world.run("--", "echo", "command")
    assert (result.code, result.stdout.split()) == (code, HOOKS)
    assert path in result.stderr
    assert words in result.stderr
    assert all(line.startswith("*** ") for line in result.stderr.splitlines())


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("path", [PRE, POST])
def test_a_hook_that_fails_is_named_and_changes_nothing(world: World, path: str, failure: str) -> None:
    content, mode, _, words = FAILURES[failure]
    a_life(world)
    world.file(path, content, mode)
    result = world.run("--", "sh", "-c", "exit 7")
    assert (result.code, result.stdout.split()) == (7, HOOKS)
    assert path in result.stderr
    assert words in result.stderr


@pytest.mark.parametrize("path", [STARTUP, PRE, POST])
def test_what_is_not_executable_is_named_and_skipped(world: World, path: str) -> None:
    a_life(world)
    world.file(path, "#!/bin/sh\necho wrong\n")
    result = world.run("--", "sh", "-c", "exit 7")
    assert (result.code, result.stdout.split()) == (7, HOOKS)
    assert f"{path} is skipped: not executable; run chmod +x on it" in result.stderr


@pytest.mark.parametrize("failure", [name for name in FAILURES if name.startswith(("exit", "killed"))])
def test_a_critical_service_that_fails_ends_the_container_with_its_code(world: World, failure: str) -> None:
    content, _, code, _ = FAILURES[failure]
    a_life(world)
    world.service("c", content.split("\n", 1)[1], critical="")
    result = world.run()
    assert (result.code, result.stdout.split()) == (code, HOOKS)
    assert "critical service 'c' ended" in result.stderr
