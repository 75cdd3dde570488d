"""F1: docker-bash, over SSH without an address, by exec where no sshd can serve, with Docker and with Podman."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dodai import engine, paths, process
from tests.container import test_engine

pytestmark = [pytest.mark.container, pytest.mark.root]

ROOT = paths.image_dir().parent
WITH_SSHD = ["sh", "-c", "rm -f /etc/service/sshd/down; exec /sbin/my_init --enable-insecure-key"]
DEADLINE = 60.0


@pytest.fixture(scope="module", params=[engine.DOCKER, engine.PODMAN])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> engine.Engine:
    return test_engine.real(request.param, tmp_path_factory.mktemp("engine"))


def start(subject: engine.Engine, options: list[str], command: list[str]) -> str:
    name = f"dodai-test-{secrets.token_hex(4)}"
    argv = subject.run_command(
        ["-d", "--name", name, "--network=none", "--env=GREETING=a  b", *options], test_engine.IMAGE, command
    )
    process.run(argv, doing="start a container")
    return name


def remove(subject: engine.Engine, name: str) -> None:
    process.run(subject.command("rm", "-f", name), doing="remove the container")


@pytest.fixture(scope="module")
def with_sshd(subject: engine.Engine) -> Iterator[str]:
    """A container without any network whose sshd takes the insecure key."""
    name = start(subject, [], WITH_SSHD)
    try:
        deadline = time.monotonic() + DEADLINE
        while not subject.exec(name, ["pgrep", "-x", "sshd"], doing="look for sshd", check=False).ok:
            assert time.monotonic() < deadline, "sshd does not come up"
            time.sleep(0.05)
        yield name
    finally:
        remove(subject, name)


@pytest.fixture(scope="module")
def plain(subject: engine.Engine) -> Iterator[str]:
    """A container as the image is: sshd is down."""
    name = start(subject, [], [])
    try:
        yield name
    finally:
        remove(subject, name)


def docker_bash(home: Path, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The program, as a user with an empty home and no agent runs it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [sys.executable, "-c", "import sys; from dodai import docker_bash; sys.exit(docker_bash.main())", *words],
        env=environment,
        input=stdin or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )


def test_command_over_ssh(with_sshd: str, tmp_path: Path) -> None:
    command = [
        "sh",
        "-c",
        'printf "<%s>" "$@"; echo no >&2; [ "$SSH_CONNECTION" ] && exit 9',
        "x",
        "a  b",
        "",
        "$HOME",
        "it's",
        "é",
    ]
    done = docker_bash(tmp_path, with_sshd, *command)
    assert (done.returncode, done.stdout, done.stderr) == (9, "<a  b><><$HOME><it's><é>", "no\n")


def test_255_of_the_command_is_not_taken_for_a_failure_of_ssh(with_sshd: str, tmp_path: Path) -> None:
    done = docker_bash(tmp_path, with_sshd, "sh", "-c", "exit 255")
    assert (done.returncode, done.stderr) == (255, "")


def test_shell_over_ssh_reads_stdin_and_has_the_containers_environment(with_sshd: str, tmp_path: Path) -> None:
    done = docker_bash(tmp_path, with_sshd, stdin='echo "$GREETING" "$HOME" $SHLVL; exit 4\n')
    assert (done.returncode, done.stderr) == (4, "")
    assert done.stdout.startswith("a  b /root ")


def test_a_key_of_ones_own(with_sshd: str, subject: engine.Engine, tmp_path: Path) -> None:
    key = tmp_path / "key"
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], doing="make a key")
    refused = docker_bash(tmp_path, "-i", str(key), with_sshd, "true")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 2
    assert "authorise it" in refused.stderr
    public = key.with_suffix(".pub").read_text()
    subject.exec(with_sshd, ["sh", "-c", 'printf "%s" "$1" >>/root/.ssh/authorized_keys', "x", public], doing="authorise it")
    entered = docker_bash(tmp_path, "-i", str(key), with_sshd, "sh", "-c", 'echo "$SSH_CONNECTION"')
    assert entered.returncode == 0
    assert entered.stdout.strip()


def test_a_user_without_keys_gets_exec(with_sshd: str, tmp_path: Path) -> None:
    done = docker_bash(tmp_path, "--user", "games", with_sshd, "sh", "-c", 'id -un; echo "$GREETING"')
    assert (done.returncode, done.stdout) == (0, "games\na  b\n")
    assert "no authorised key for games" in done.stderr


def test_sshd_down_says_so_and_uses_exec(plain: str, subject: engine.Engine, tmp_path: Path) -> None:
    command = ["sh", "-c", 'printf "<%s>" "$@" "$GREETING"; exit 5', "x", "a  b", ""]
    done = docker_bash(tmp_path, plain, *command)
    assert (done.returncode, done.stdout) == (5, "<a  b><><a  b>")
    assert done.stderr == f"dodai: sshd does not run in {plain}: using {subject.kind} exec\n"


def test_shell_by_exec(plain: str, tmp_path: Path) -> None:
    done = docker_bash(tmp_path, "--exec", plain, stdin='echo "$GREETING"; exit 6\n')
    assert (done.returncode, done.stdout, done.stderr) == (6, "a  b\n", "")


def test_what_is_not_there_and_what_does_not_run(subject: engine.Engine, tmp_path: Path) -> None:
    assert docker_bash(tmp_path, "dodai-no-such-container", "true").returncode == 123
    name = start(subject, [], [])
    try:
        process.run(subject.command("stop", name), doing="stop it")
        done = docker_bash(tmp_path, name, "true")
        assert done.returncode == 123
        assert f"{subject.kind} start {name}" in done.stderr
    finally:
        remove(subject, name)
