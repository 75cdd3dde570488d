"""D1, D3, D7: runsv per directory; what is added, removed, broken or critical."""

import os
import shutil

import pytest

from tests.process.world import World, until


def test_a_service_runs_in_its_own_directory_and_a_session_of_its_own(world: World) -> None:
    world.service(
        "s",
        'echo "$PWD $(pwd) $0"; read -r _ _ _ _ _ session _ </proc/self/stat; [ "$session" != 1 ] && echo own; exec sleep 1000',
    )
    with world.start() as container:
        container.wait_for(b"own")
        assert container.out.splitlines()[0] == b"/etc/service/s /etc/service/s ./run"


def test_sv_by_name_and_by_path(world: World) -> None:
    world.service("s", "exec sleep 1000")
    world.script(
        "/command",
        "until sv status s >/dev/null 2>&1; do sleep 0.01; done; sv -w 5 start s; "
        "sv status s /etc/service/s /etc/service/s/; sv -w 5 stop /etc/service/s; sv status s",
    )
    lines = world.run("--", "/command").stdout.decode().splitlines()
    assert [line.split(":")[0] for line in lines] == ["ok", "run", "run", "run", "ok", "down"]


def test_down_finish_and_restart(world: World) -> None:
    world.service("d", "echo wrong", down="")
    world.service("f", "exit 3", finish='#!/bin/sh\necho "finish $1 $2 $PWD"; touch down; sv down .')
    world.service("k", "kill -9 $$", finish='#!/bin/sh\necho "killed $1 $2"; sv down /etc/service/k')
    with world.start() as container:
        container.wait_for(b"finish 3 0 /etc/service/f")
        container.wait_for(b"killed -1 9")
        assert b"wrong" not in container.stop().stdout


def test_a_logger_beside_a_service(world: World) -> None:
    world.service("s", "echo line; exec sleep 1000")
    world.script("/etc/service/s/log/run", "mkdir -p main; exec svlogd -tt ./main")
    world.script("/command", "until grep -q line /etc/service/s/log/main/current; do sleep 0.01; done; echo ok")
    assert world.run("--", "/command").stdout == b"ok\n"


def test_directories_come_and_go(world: World) -> None:
    world.service("a", 'trap "echo a-stopped; exit 0" TERM; echo a-up; while :; do sleep 0.02; done')
    world.script("/new/run", "echo new-up; exec sleep 1000")
    with world.start() as container:
        container.wait_for(b"a-up")
        root = f"/proc/{container.pid}/root"
        shutil.copytree(f"{root}/new", f"{root}/etc/service/new")
        container.wait_for(b"new-up")
        os.rename(f"{root}/etc/service/a", f"{root}/a-gone")
        container.wait_for(b"a-stopped")


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "it has no run file"),
        ("#!/bin/sh\n", 0o644, "chmod +x"),
        ("#!/bin/sh\r\n", 0o755, "CRLF"),
        ("#!/no/such\n", 0o755, "'/no/such' is missing"),
    ],
)
def test_a_broken_directory_is_named_and_the_rest_runs(world: World, content: str | None, mode: int, words: str) -> None:
    world.service("good", "echo up; exec sleep 1000")
    world.file("/etc/service/bad/note", "x")
    if content is not None:
        world.file("/etc/service/bad/run", content, mode)
    with world.start() as container:
        container.wait_for(b"up")
        err = container.stop().stderr
    assert "service 'bad' is not started" in err
    assert words in err


@pytest.mark.parametrize(("body", "code"), [("exit 0", 0), ("exit 5", 5), ("kill -9 $$", 137)])
def test_the_end_of_a_critical_service_is_the_end_of_the_container(world: World, body: str, code: int) -> None:
    world.service("c", f"echo up; sleep 0.1; {body}", critical="", finish="#!/bin/sh\necho finish")
    world.service("other", 'trap "echo other; exit 0" TERM; while :; do sleep 0.02; done')
    result = world.run()
    assert result.code == code
    assert b"finish" in result.stdout
    assert b"other" in result.stdout
    assert "critical service 'c' ended" in result.stderr


def test_a_killed_runsv_is_replaced_and_its_service_not_doubled(world: World) -> None:
    world.service("s", 'echo "start $$"; exec sleep 1000')
    world.script(
        "/command",
        """
supervise=/run/dodai/service/s/supervise
pid=
until [ "$pid" ]; do pid=$(cat $supervise/pid 2>/dev/null); done
pkill -9 -x runsv
new=$pid
until [ "$new" ] && [ "$new" != "$pid" ]; do new=$(cat $supervise/pid 2>/dev/null); done
kill -0 "$pid" 2>/dev/null || echo replaced""",
    )
    result = world.run("--", "/command")
    assert b"replaced" in result.stdout.splitlines()
    assert "was killed; it is replaced" in result.stderr


def test_a_service_gets_variables_whose_names_are_not_shell_names(world: World) -> None:
    """C6. Its logger, too."""
    world.file("/etc/service/s/run", "#!/bin/cat /proc/self/environ\n", 0o755)
    world.service("t", "exec sleep 1000")
    world.file("/etc/service/t/log/run", "#!/bin/cat /proc/self/environ\n", 0o755)
    with world.start(environment={"a.b": "odd", "A-B": "two\nlines", "PLAIN": "yes"}) as container:
        until(lambda: container.out.count(b"a.b=odd\0") == 2, "both")
        assert container.out.count(b"A-B=two\nlines\0") == 2
        assert container.out.count(b"PLAIN=yes\0") == 2
        assert b"LC_CTYPE" not in container.out
