"""D4: what becomes of a service that fails."""

import time
from pathlib import Path

from tests.process.world import Container, World, until

STAMP = "read -r up _ </proc/uptime; echo start $up"


def starts(container: Container) -> list[float]:
    """When it was started, in seconds of uptime."""
    return [float(line.split()[1]) for line in container.out.splitlines() if line.startswith(b"start ")]


def test_pauses_double(world: World) -> None:
    world.service("s", f"{STAMP}; exit 3")
    with world.start() as container:
        until(lambda: container.policy("s").get("restarts") == "3", "the third end")
        first, second, third = starts(container)
        assert 0.9 < second - first < 1.6
        assert 1.9 < third - second < 2.6
        state = container.policy("s")
        assert (state["exit"], state["healthy"]) == ("code 3", "0")
        delays = [e["delay"] for e in container.events() if e.get("state") == "backoff"]
        assert [round(float(str(delay))) for delay in delays[:3]] == [1, 2, 4]


def test_who_has_lived_longer_than_its_pause_is_started_again_at_once(world: World) -> None:
    world.service("s", "echo start $$; exec sleep 1000")
    with world.start() as container:
        until(lambda: container.policy("s").get("state") == "ready", "ready")
        time_of_birth = time.monotonic()
        until(lambda: time.monotonic() - time_of_birth > 1.1, "a life longer than the first pause")
        killed = time.monotonic()
        container.call("sh", "-c", "kill -9 $(cat /etc/service/s/supervise/pid)")
        until(lambda: container.out.count(b"start") == 2, "the next instance")
        assert time.monotonic() - killed < 0.5
        assert container.policy("s")["exit"] == "signal 9"


def test_given_up_after_max_restarts_and_started_again_by_hand(world: World) -> None:
    world.service("s", "echo start; exit 1", **{"max-restarts": "1"})
    with world.start() as container:
        until(lambda: "service 's' has failed: code 1 after 1 restarts" in container.err, "the end of patience")
        until(lambda: container.policy("s").get("state") == "failed", "failed")
        assert container.out.count(b"start") == 2, "N restarts are N+1 starts"
        container.call("sv", "-w", "5", "once", "s")
        until(lambda: container.out.count(b"start") >= 3, "a start by hand")


def test_exit_0_is_restarted_as_runit_does_and_what_it_left_lives(world: World) -> None:
    world.service("s", "setsid sleep 1000 & echo start $!; exit 0")
    with world.start() as container:
        until(lambda: container.out.count(b"start") == 2, "the second start")
        left = container.out.split()[1].decode()
        assert Path(f"/proc/{container.pid}/root/proc/{left}").exists()


def test_what_a_failed_service_left_is_ended_before_the_next_start(world: World) -> None:
    # In its own process group, in another session, and twice removed.
    world.service(
        "s",
        "sleep 1001 & setsid sleep 1002 & (setsid sh -c 'sleep 1003 & exit 0') &"
        " echo start; until [ -e /go ]; do sleep 0.01; done; exit 1",
    )
    world.service("other", "exec sleep 2000")
    with world.start() as container:
        until(lambda: container.out.count(b"start") == 1, "the first start")
        until(lambda: _sleepers(container) >= {"1001", "1002", "1003"}, "what it leaves")
        (container.root / "go").touch()
        until(lambda: container.out.count(b"start") == 2, "the second start")
        assert container.policy("s")["restarts"] != "0"
        until(lambda: "2000" in _sleepers(container), "the other service, untouched")
        (container.root / "go").unlink()
        until(lambda: len(_all_sleepers(container)) <= 4, "one instance's children only")


def _all_sleepers(container: Container) -> list[str]:
    found = []
    for entry in Path(f"/proc/{container.pid}/root/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"sleep" and len(words[1]) == 4:
            found.append(words[1].decode())
    return found


def _sleepers(container: Container) -> set[str]:
    return set(_all_sleepers(container))


def test_a_word_to_sv_ends_the_pause(world: World) -> None:
    world.service("s", f"{STAMP}; exit 1")
    with world.start() as container:
        until(lambda: len(starts(container)) == 3, "the third start, before a pause of four seconds")
        until(lambda: container.policy("s").get("state") == "backoff", "the pause")
        before = time.monotonic()
        container.call("sh", "-c", "printf u >/etc/service/s/supervise/control")
        until(lambda: len(starts(container)) == 4, "the start that was asked for")
        assert time.monotonic() - before < 2
        until(lambda: container.policy("s").get("state") == "backoff", "the next pause")
        container.call("sv", "-w", "5", "stop", "s")
        until(lambda: container.policy("s").get("state") == "down", "down")


def test_the_stop_does_not_wait_for_a_pause(world: World) -> None:
    world.service("s", "echo start; exit 1", finish="#!/bin/sh\necho own-finish\n")
    with world.start() as container:
        until(lambda: container.policy("s").get("state") == "backoff", "the pause")
        begun = time.monotonic()
        assert container.stop().code == 0
        assert time.monotonic() - begun < 0.8
        assert b"own-finish" in container.out


def test_what_is_asked_for_is_no_failure(world: World) -> None:
    world.service("s", 'trap "exit 5" TERM; echo start; while :; do sleep 0.02; done', **{"max-restarts": "0"})
    with world.start() as container:
        until(lambda: container.policy("s").get("state") == "ready", "ready")
        container.call("sv", "-w", "5", "restart", "s")
        until(lambda: container.out.count(b"start") == 2, "the second start")
        assert "has failed" not in container.err


def test_a_stop_signal_of_its_own(world: World) -> None:
    body = 'trap "echo got-quit; exit 0" QUIT; trap "echo got-term; exit 0" TERM; echo up; while :; do sleep 0.02; done'
    world.service("s", body, **{"stop-signal": "QUIT\n"})
    with world.start() as container:
        container.wait_for(b"up")
        assert container.stop().stdout.split() == [b"up", b"got-quit"]


def test_a_stop_timeout_of_its_own(world: World) -> None:
    world.service("s", 'trap "" TERM; echo up; while :; do sleep 0.02; done', **{"stop-timeout": "0.2"})
    with world.start() as container:
        container.wait_for(b"up")
        begun = time.monotonic()
        assert container.stop().code == 0
        assert time.monotonic() - begun < 2


def test_senseless_values_are_named(world: World) -> None:
    world.service("s", "echo up; exec sleep 1000", **{"max-restarts": "many", "stop-signal": "LOUD", "notification-fd": "1"})
    with world.start() as container:
        container.wait_for(b"up")
        for text in (
            "'many' is not a whole number",
            "'LOUD' is not the name of a signal",
            "'1' is not a whole number from 3 on",
        ):
            assert text in container.err
