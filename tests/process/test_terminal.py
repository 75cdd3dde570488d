"""B10: a terminal: job control, ^C, ^Z, the window's size, and nobody stopped or hung up by mistake."""

import contextlib
from collections.abc import Iterator

from tests import terminal
from tests.process.world import Container, World
from tests.terminal import Terminal

LOOP = "while :; do sleep 0.02; done"


@contextlib.contextmanager
def at_a_terminal(world: World, *arguments: str) -> Iterator[tuple[Container, Terminal]]:
    """my_init as the leader of a terminal's session, as after `docker run -it`."""
    variables = {"TERM": "dumb", "MY_INIT_STOP_BUDGET": "20"}
    with (
        Terminal() as screen,
        world.start(
            *arguments, environment=variables, through=terminal.OWNER, stdin=screen.slave, stdio=screen.slave
        ) as container,
    ):
        yield container, screen


def test_a_login_shell_has_job_control(world: World) -> None:
    with at_a_terminal(world, "--", "bash", "-l") as (container, screen):
        screen.use_job_control()
        screen.type("exit 5\n")
        assert container.result().code == 5


def test_a_command_that_is_suspended_goes_on(world: World) -> None:
    """No shell is there that could resume it."""
    world.script("/command", f'trap "echo continued" CONT; echo up; {LOOP}')
    with at_a_terminal(world, "--", "/command") as (container, screen):
        screen.wait_for("up")
        for _ in range(2):
            screen.type(terminal.SUSPEND)
            screen.wait_for("continued")
        screen.type(terminal.INTERRUPT)
        assert container.result().code == 130


def test_interrupt_ends_the_command_alone(world: World) -> None:
    """What is typed reaches the command's process group, not the services; these are asked to end, in order."""
    world.service("s", f'trap "echo interrupted" INT; trap "echo asked; exit 0" TERM; : >/tmp/up; {LOOP}')
    world.script("/command", "until [ -e /tmp/up ]; do sleep 0.02; done; echo up; exec sleep 100")
    with at_a_terminal(world, "--", "/command") as (container, screen):
        screen.wait_for("up")
        screen.type(terminal.INTERRUPT)
        assert container.result().code == 130
        screen.wait_for("asked")
        assert "interrupted" not in screen.screen


def test_interrupt_without_a_command_stops_the_container(world: World) -> None:
    world.service("s", f'trap "echo asked; exit 0" TERM; echo up; {LOOP}')
    with at_a_terminal(world) as (container, screen):
        screen.wait_for("up")
        screen.type(terminal.INTERRUPT)
        assert container.result().code == 0
        screen.wait_for("asked")


def test_the_size_of_the_window(world: World) -> None:
    world.script("/command", f'trap "stty size" WINCH; stty size; {LOOP}')
    with at_a_terminal(world, "--", "/command") as (container, screen):
        screen.wait_for("24 80")
        screen.resize(50, 132)
        screen.wait_for("50 132")
        assert container.stop().code == 143


def test_everybody_may_use_the_terminal_in_turn(world: World) -> None:
    """Who is not in the foreground would be stopped by SIGTTIN or SIGTTOU, or hung up with SIGHUP, and wait for ever."""
    use = "stty sane && read -r line && echo NAME reads $line"
    world.script("/etc/my_init.d/10", use.replace("NAME", "startup"))
    world.script("/etc/my_init.pre_shutdown.d/10", use.replace("NAME", "pre"))
    world.script("/etc/my_init.post_shutdown.d/10", use.replace("NAME", "post"))
    world.script("/command", f"(trap 'echo stray' HUP TTIN TTOU; {LOOP}) & " + use.replace("NAME", "command"))
    with at_a_terminal(world, "--", "/command") as (container, screen):
        for name in ("startup", "command", "pre", "post"):
            screen.type(f"for-{name}\n")
            screen.wait_for(f"{name} reads for-{name}")
        assert container.result().code == 0
        assert "stray" not in screen.screen


def test_the_end_of_input_reaches_the_command(world: World) -> None:
    with at_a_terminal(world, "--", "cat") as (container, screen):
        screen.type("one\n")
        screen.wait_for("one\r\none")
        screen.type(terminal.END_OF_FILE)
        assert container.result().code == 0
