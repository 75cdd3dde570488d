"""F1: the container is found in whichever engine has it; how to get in is decided from what is there, and said in one line.

The way over SSH is proved with a real sshd by tests/container/test_docker_bash.py.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dodai import engine, errors, paths
from dodai.features import reach
from tests.unit.host.conftest import Done, Machine

OneLine = Callable[[Done], str]

WEB, DB, OLD = ("a1" + "0" * 62), ("a2" + "0" * 62), ("b3" + "0" * 62)


@pytest.fixture
def stocked(machine: Machine) -> Machine:
    machine.install("docker")
    machine.install("podman")
    machine.container("web-front", WEB)
    machine.container("db", DB)
    machine.container("old", OLD, "exited")
    machine.container("frozen", "c4" + "0" * 62, "paused")
    machine.environment["DODAI_ENGINE"] = "docker"
    return machine


@pytest.mark.parametrize("name", ["db", DB, DB[:2], "d"])
def test_found_by_name_id_or_beginning(stocked: Machine, name: str) -> None:
    done = stocked.dodai("shell", "--exec", name, "sh", "-c", "echo in; exit 3")
    assert (done.returncode, done.stdout) == (3, "in\n")
    assert DB in stocked.calls()[-1]


@pytest.mark.parametrize(
    ("name", "says", "remedy"),
    [
        ("nothing", 'cannot find the container "nothing"', "docker ps"),
        ("a", "web-front", "more of the name"),
        ("old", "not running (exited)", "docker start old"),
        ("frozen", "is paused", "docker unpause frozen"),
    ],
)
def test_not_found_and_not_running(stocked: Machine, one_line: OneLine, name: str, says: str, remedy: str) -> None:
    done = stocked.dodai("shell", name, "true")
    assert done.returncode == 123
    assert says in one_line(done)
    assert remedy in done.stderr


def test_podman_is_asked_when_docker_has_no_such_container(machine: Machine) -> None:
    machine.script("docker", 'case $1 in version) echo 1;; *) echo "Error: No such container: x" >&2; exit 1;; esac')
    machine.install("podman")
    machine.container("web", WEB)
    done = machine.dodai("shell", "--exec", "web", "echo", "here")
    assert (done.returncode, done.stdout) == (0, "here\n")


def test_docker_bash_is_the_same(stocked: Machine) -> None:
    script = "import sys; from dodai import docker_bash; sys.exit(docker_bash.main())"
    ran = subprocess.run(
        [sys.executable, "-c", script, "--exec", "db", "sh", "-c", 'echo "$1"; exit 5', "x", "a  b"],
        env=stocked.environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=30,
    )
    assert (ran.returncode, ran.stdout) == (5, "a  b\n")


def test_without_sshd_says_so_and_uses_exec(stocked: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = reach.Facts(programs=frozenset({paths.SSHD}), sshd_runs=True, keys=("ssh-ed25519 AAAA me",))
    box = reach.Container(engine.Engine(engine.DOCKER, "docker"), DB, "db")
    monkeypatch.setenv("PATH", str(stocked.bin))
    monkeypatch.setattr("dodai.process.SBIN", "")
    assert "no ssh on this machine" in reach.obstacle(box, facts, "root")
    stocked.script("ssh", "exit 1")
    assert reach.obstacle(box, facts, "root") == ""
    assert reach.obstacle(box, reach.Facts(sshd_runs=True), "root") == "db has no sshd"
    assert reach.obstacle(box, reach.Facts(programs=facts.programs), "root") == "sshd does not run in db"
    no_keys = reach.Facts(programs=facts.programs, sshd_runs=True)
    assert reach.obstacle(box, no_keys, "git") == "db has no authorised key for git"


WITH_ENV, SETUSER, BASH = "/usr/sbin/with_env", "/usr/sbin/setuser", "/bin/bash"


@pytest.mark.parametrize(
    ("programs", "command", "user", "wanted"),
    [
        ([WITH_ENV, BASH], [], None, [WITH_ENV, BASH, "-l"]),
        ([WITH_ENV], [], None, [WITH_ENV, "/bin/sh", "-l"]),
        ([], ["id"], None, ["id"]),
        ([], ["id"], "git", ["--user=git", "id"]),
        ([WITH_ENV, SETUSER], ["id"], "git", ["--user=0", WITH_ENV, SETUSER, "git", "id"]),
        ([WITH_ENV], ["id"], "git", ["--user=git", "id"]),
    ],
)
def test_exec_with_the_containers_environment(
    programs: list[str], command: list[str], user: str | None, wanted: list[str]
) -> None:
    box = reach.Container(engine.Engine(engine.DOCKER, "docker"), DB, "db")
    words = reach.exec_command(box, reach.Facts(programs=frozenset(programs)), command, user)
    assert [word for word in words if word not in ("docker", "exec", "-i", "-t", DB)] == wanted


def test_ssh_quotes_what_the_far_shell_would_read(tmp_path: Path) -> None:
    box = reach.Container(engine.Engine(engine.DOCKER, "/opt/my tools/docker"), DB, "100%")
    command = ["printf", "%s", "a  b", "", "$HOME", "it's", "line\nline"]
    words = reach.ssh_command(box, command, user="root", key=None, log=tmp_path / "l", entered=tmp_path / "e", config=True)
    assert shlex.split(words[-1]) == command
    tunnel = next(word for word in words if word.startswith("ProxyCommand="))
    assert tunnel.startswith("ProxyCommand='/opt/my tools/docker' exec -i --user=0 ")


def test_a_key_of_the_users_own_is_the_only_one_offered(tmp_path: Path) -> None:
    box = reach.Container(engine.Engine(engine.DOCKER, "docker"), DB, "db")
    key = tmp_path / "key"
    words = reach.ssh_command(box, [], user="root", key=key, log=tmp_path / "l", entered=tmp_path / "e", config=True)
    assert words[words.index("-i") + 1] == str(key)
    assert {"IdentitiesOnly=yes", "IdentityAgent=none"} <= set(words)


PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (PRIVATE, 0o644, "others may read it (mode 0644)"),
        ("ssh-ed25519 AAAA me\n", 0o600, "not a private key"),
        (None, 0, "no such file"),
    ],
)
def test_key_that_ssh_would_refuse(
    stocked: Machine, one_line: OneLine, tmp_path: Path, content: str | None, mode: int, says: str
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content)
        key.chmod(mode)
    done = stocked.dodai("shell", "-i", str(key), "db")
    assert done.returncode == 2
    assert says in one_line(done)
    assert str(key) in done.stderr


def test_good_key_passes(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(PRIVATE)
    key.chmod(0o600)
    reach.check_key(key)
    key.chmod(0o640)
    with pytest.raises(errors.KeyUnusable) as caught:
        reach.check_key(key)
    assert caught.value.hint == f"chmod 600 {key}"
