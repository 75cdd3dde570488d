"""B6, B8, B11: the one-shot command and its exit code."""

import signal

import pytest

from tests.process.world import World

LOOP = """
for code in $(seq 0 255); do
    unshare --pid --fork --mount-proc my_init --quiet --skip-runit -- sh -c "exit $code"
    [ $? = "$code" ] || echo "wrong: $code"
done
echo done
"""


def test_all_256_exit_codes(world: World) -> None:
    world.script("/loop", LOOP)
    assert world.run("--skip-runit", "--", "/loop").stdout == b"done\n"


@pytest.mark.parametrize("number", [1, 2, 3, 6, 9, 11, 13, 15, 34])
def test_a_command_killed_by_a_signal_is_never_a_success(world: World, number: int) -> None:
    result = world.run("--", "sh", "-c", f"kill -{number} $$")
    assert result.code == 128 + number
    assert f"killed by signal {number} ({signal.Signals(number).name})" in result.stderr


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("nosuch", 127, "'nosuch': not found in PATH"),
        ("/etc/plain", 126, "chmod +x"),
        ("/crlf", 127, "CRLF"),
        ("/nointerpreter", 127, "'/no/such' is missing"),
        ("/noshebang", 126, "no #! line"),
        ("/etc", 126, "a directory"),
        ("", 127, "name is empty"),
    ],
)
def test_a_command_that_cannot_start(world: World, command: str, code: int, words: str) -> None:
    world.file("/etc/plain", "x")
    world.file("/crlf", "#!/bin/sh\r\n", 0o755)
    world.file("/nointerpreter", "#!/no/such\n", 0o755)
    world.file("/noshebang", "true\n", 0o755)
    world.service("s", "exec sleep 1000")
    result = world.run("--", command)
    assert result.code == code
    assert words in result.stderr
    assert all(line.startswith("*** ") for line in result.stderr.splitlines())


def test_stdout_is_the_commands_alone(world: World) -> None:
    world.script("/etc/my_init.d/10_quiet", "true")
    world.service("s", "exec sleep 1000")
    result = world.run("--", "printf", "a\\nb")
    assert result.stdout == b"a\nb"
    assert world.run("--quiet", "--", "true").stderr == ""


def test_nothing_stands_between_pid_1_and_the_command(world: World) -> None:
    assert world.run("--", "sh", "-c", "echo $PPID").stdout == b"1\n"


def test_a_wrong_option_is_named(world: World) -> None:
    result = world.run("--bogus")
    assert result.code == 2
    assert "unknown option '--bogus'" in result.stderr


def test_a_service_that_lives_shortly_does_not_cost_a_second(world: World) -> None:
    """runsv sleeps after one that ran less than a second; the stop must not wait for that."""
    world.service("s", "echo up; exec sleep 1000")
    world.script("/command", "until grep -q . /run/dodai/service/s/supervise/pid 2>/dev/null; do :; done; date +%s%N")
    world.script("/etc/my_init.post_shutdown.d/10", "date +%s%N")
    first, last = [int(line) for line in world.run("--", "/command").stdout.split() if line.isdigit()]
    assert last - first < 900_000_000
