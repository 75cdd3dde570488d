"""B10 through the engines' own terminals: `run -it`. The cases one by one are in tests/process/test_terminal.py."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator

from tests import terminal
from tests.container import harness
from tests.terminal import Terminal

INIT = "/sbin/my_init"


@contextlib.contextmanager
def at_a_terminal(engine: harness.Engine, image: str, *command: str) -> Iterator[tuple[subprocess.Popen[bytes], Terminal]]:
    """`docker run -it`, with the client in a terminal."""
    engine.ensure(image)
    name = f"dodai-test-{harness.RUN}-{secrets.token_hex(4)}"
    words = ["run", "-it", "--rm", "--pull=never", "--network=none", "--name", name, "--label", harness.LABEL, image, *command]
    environment = os.environ | harness.podman_settings() | {"TERM": "dumb"}
    with Terminal() as screen:
        keys = display = screen.slave
        with subprocess.Popen(
            [*terminal.OWNER, engine.program, *words], env=environment, stdin=keys, stdout=display, stderr=display
        ) as client:
            try:
                yield client, screen
            finally:
                if client.poll() is None:
                    harness.Container(engine, name).remove()
                    client.kill()


def test_a_shell_with_job_control(each_engine: harness.Engine, minimal: str) -> None:
    with at_a_terminal(each_engine, minimal, INIT, "--", "bash", "-l") as (client, screen):
        screen.use_job_control()
        screen.type("exit 5\n")
        assert client.wait(harness.SECONDS) == 5, screen.screen


def test_suspend_does_not_hang_and_interrupt_ends(each_engine: harness.Engine, minimal: str) -> None:
    with at_a_terminal(each_engine, minimal, INIT, "--", "sh", "-c", "echo up; exec sleep 100") as (client, screen):
        screen.wait_for("up")
        screen.type(terminal.SUSPEND)
        screen.wait_for("^Z")
        screen.type(terminal.INTERRUPT)
        assert client.wait(harness.SECONDS) == 130, screen.screen


def test_interrupt_without_a_command_stops_the_container(each_engine: harness.Engine, image: str) -> None:
    with at_a_terminal(each_engine, image) as (client, screen):
        screen.wait_for("***")
        screen.type(terminal.INTERRUPT)
        assert client.wait(harness.SECONDS) == 0, screen.screen
