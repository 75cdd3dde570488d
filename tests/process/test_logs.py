"""D5: whose line it is; PID 1 with the copier of logs."""

import json
import os
import signal
import time
from pathlib import Path

from tests.process.world import Container, World, until


def copier(container: Container) -> int:
    """The copier's pid as seen from here; 0 when there is none."""
    for pid in Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split():
        if b"copy-logs" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return int(pid)
    return 0


def test_plain_is_the_default_and_nothing_is_in_between(world: World) -> None:
    world.service("s", "echo line; exec sleep 1000")
    with world.start() as container:
        container.wait_for(b"line\n")
        assert container.out == b"line\n"
        assert not copier(container)


def test_prefix(world: World) -> None:
    world.service("web", "echo out; echo err >&2; printf unended; exit 0", finish="#!/bin/sh\nsv down .\n")
    world.script("/etc/my_init.d/10", "echo startup")
    result = world.run("--", "sh", "-c", "sleep 0.5; echo command", environment={"MY_INIT_LOG_FORMAT": "prefix"})
    assert sorted(result.stdout.splitlines()) == [b"[web] out", b"[web] unended", b"command", b"startup"]
    assert "[web] err" in result.stderr.splitlines()


def test_json(world: World) -> None:
    world.service("web", "echo out $$; echo err >&2; exec sleep 1000")
    with world.start(environment={"MY_INIT_LOG_FORMAT": "json"}) as container:
        container.wait_for(b'"message":"out')
        line = json.loads(container.out.splitlines()[0])
        assert (line["service"], line["stream"]) == ("web", "stdout")
        assert line["message"] == f"out {line['pid']}"


def test_nothing_is_lost_in_the_stop(world: World) -> None:
    farewell = "i=0; while [ $i -lt 2000 ]; do echo bye-$i; i=$((i+1)); done; exit 0"
    world.service("s", f"trap '{farewell}' TERM; echo up; while :; do sleep 0.02; done")
    with world.start(environment={"MY_INIT_LOG_FORMAT": "prefix"}) as container:
        container.wait_for(b"[s] up")
        lines = container.stop().stdout.splitlines()
        assert lines == [b"[s] up", *(b"[s] bye-%d" % n for n in range(2000))]


def test_a_killed_copier_is_replaced_and_loses_nothing_that_waited(world: World) -> None:
    world.service("s", "n=0; while :; do n=$((n+1)); echo line-$n; sleep 0.01; done")
    with world.start(environment={"MY_INIT_LOG_FORMAT": "prefix"}) as container:
        container.wait_for(b"line-3\n")
        os.kill(copier(container), signal.SIGSTOP)
        before = len(container.out.splitlines())
        begun = time.monotonic()
        until(lambda: time.monotonic() - begun > 0.2, "some lines in the fifo")
        os.kill(copier(container), signal.SIGKILL)
        until(lambda: len(container.out.splitlines()) > before + 10, "lines of the next copier")
        numbers = [int(line.rpartition(b"-")[2]) for line in container.out.splitlines()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert "was killed; it is replaced" in container.err


def test_a_reader_that_stops_reading_stops_neither_reaping_nor_the_stop(world: World) -> None:
    world.service("s", "exec yes")
    world.service("t", 'trap "echo stopped >/stopped; exit 0" TERM; while :; do sleep 0.02; done')
    with world.start(environment={"MY_INIT_LOG_FORMAT": "prefix", "MY_INIT_STOP_BUDGET": "4"}) as container:
        container.wait_for(b"[s] y")
        os.kill(copier(container), signal.SIGSTOP)  # as one that a full pipe holds
        orphan = container.call("sh", "-c", "(sleep 0.1 &) ; echo ok")
        assert orphan == "ok\n"
        begun = time.monotonic()
        result = container.stop()
        assert result.code == 0
        assert time.monotonic() - begun < 4.5
        assert "last log lines were not read in time" in result.stderr


def test_a_service_under_another_user_opens_dev_stdout(world: World) -> None:
    world.service("s", "exec setuser nobody sh -c 'echo by-name >/dev/stdout; echo err >/dev/stderr; exec sleep 1000'")
    with world.start(environment={"MY_INIT_LOG_FORMAT": "prefix"}) as container:
        container.wait_for(b"[s] by-name")
        until(lambda: "[s] err" in container.err, "the other stream")


def test_a_format_that_does_not_exist_is_named(world: World) -> None:
    world.service("s", "echo line; exec sleep 1000")
    with world.start(environment={"MY_INIT_LOG_FORMAT": "xml"}) as container:
        container.wait_for(b"line\n")
        assert "MY_INIT_LOG_FORMAT='xml' is not plain, prefix or json; plain is used" in container.err
