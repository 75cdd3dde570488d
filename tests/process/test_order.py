"""D2: who starts when, who waits for whom, and the reverse in the stop."""

from tests.process.world import Container, World, until

READY_AFTER = "#!/bin/sh\n[ -e /{name}-is-ready ]\n"
UP = 'trap "echo {name}-down; exit 0" TERM; echo {name}-up; while :; do sleep 0.02; done'


def touch(container: Container, name: str) -> None:
    """An empty file in the container's root."""
    (container.root / name).touch()


def test_a_service_starts_when_what_it_depends_on_is_ready(world: World) -> None:
    world.service("app", UP.format(name="app"), depends="# needs data\ndb\n")
    world.service("db", UP.format(name="db"), check=READY_AFTER.format(name="db"))
    world.service("free", UP.format(name="free"))
    with world.start() as container:
        container.wait_for(b"db-up")
        container.wait_for(b"free-up")
        until(lambda: container.policy("db").get("state") == "running", "db running")
        assert b"app-up" not in container.out, "it does not wait"
        assert container.policy("app")["state"] == "starting"
        touch(container, "db-is-ready")
        container.wait_for(b"app-up")
        until(lambda: container.policy("app").get("ready") == "1", "app ready")
        found = container.events()
        ready = next(e["t"] for e in found if e.get("name") == "db" and e.get("state") == "ready")
        begun = next(e["t"] for e in found if e.get("name") == "app" and e.get("state") == "running")
        assert ready <= begun
        out = container.stop().stdout.split()
        assert out.index(b"app-down") < out.index(b"db-down"), "what others need stops after them"


def test_a_chain_stops_in_reverse_and_a_hanging_link_takes_its_share_only(world: World) -> None:
    world.service("c", 'trap "" TERM; echo c-up; while :; do sleep 0.02; done', depends="b")
    world.service("b", UP.format(name="b"), depends="a")
    world.service("a", UP.format(name="a"))
    with world.start(environment={"MY_INIT_STOP_BUDGET": "3"}) as container:
        container.wait_for(b"c-up")
        result = container.stop()
    out = result.stdout.split()
    assert out.index(b"b-down") < out.index(b"a-down")
    assert "service 'c' did not stop in time; it is killed" in result.stderr
    assert result.code == 0


def test_cycles_and_unknown_names_are_named_and_the_rest_runs(world: World) -> None:
    world.service("a", UP.format(name="a"), depends="b")
    world.service("b", UP.format(name="b"), depends="c")
    world.service("c", UP.format(name="c"), depends="a")
    world.service("lost", UP.format(name="lost"), depends="nowhere")
    world.service("good", UP.format(name="good"))
    with world.start() as container:
        container.wait_for(b"good-up")
        until(lambda: "nowhere" in container.err, "a line about the unknown name")
        assert "cycle: a → b → c → a; they stay down" in container.err
        assert "service 'lost' stays down: it depends on 'nowhere', which does not exist" in container.err
        assert container.stop().stdout.split() == [b"good-up", b"good-down"]


def test_who_never_gets_ready_is_named_and_its_dependents_stay_down(world: World) -> None:
    world.service("db", UP.format(name="db"), check="#!/bin/sh\nexit 1\n", **{"ready-timeout": "0.3"})
    world.service("app", UP.format(name="app"), depends="db")
    world.service("off", UP.format(name="off"), down="")
    world.service("other", UP.format(name="other"), depends="off")
    with world.start() as container:
        until(lambda: "service 'db' is not ready after 0.3 s" in container.err, "a line about db")
        until(lambda: "service 'other' waits for 'off', which is down" in container.err, "a line about other")
        assert b"app-up" not in container.out
        assert b"other-up" not in container.out
        container.call("sv", "-w", "5", "start", "off")
        container.wait_for(b"other-up")


def test_ready_by_a_descriptor(world: World) -> None:
    for number in (3, 12):
        world.service(
            f"s{number}",
            f"echo s-up; until [ -e /go ]; do sleep 0.01; done; echo >/proc/self/fd/{number}; exec sleep 1000",
            **{"notification-fd": f"{number}\n"},
        )
    world.service("app", "echo app-up; exec sleep 1000", depends="s3\ns12")
    with world.start() as container:
        until(lambda: container.out.count(b"s-up") == 2, "both services")
        until(lambda: container.policy("s12").get("state") == "running", "running")
        assert b"app-up" not in container.out
        touch(container, "go")
        container.wait_for(b"app-up")


NOTIFY = """#!/usr/bin/python3 -I
import os, socket, time
while not os.path.exists("/go"):
    time.sleep(0.01)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.sendto(b"STATUS=hello\\nREADY=1\\n", os.environ["NOTIFY_SOCKET"])
os.execv("/bin/sleep", ["sleep", "1000"])
"""


def test_ready_by_sd_notify(world: World) -> None:
    world.service("s", "exec ./serve", notify="")
    world.file("/etc/service/s/serve", NOTIFY, 0o755)
    world.service("app", 'echo "app-up ${NOTIFY_SOCKET-unset}"; exec sleep 1000', depends="s")
    with world.start() as container:
        until(lambda: container.policy("s").get("state") == "running", "running")
        assert b"app-up" not in container.out
        touch(container, "go")
        container.wait_for(b"app-up unset")


def test_the_command_waits_for_readiness(world: World) -> None:
    world.service("db", "sleep 0.2; touch /db-is-ready; exec sleep 1000", check=READY_AFTER.format(name="db"))
    result = world.run("--wait-ready", "--", "sh", "-c", "ls /db-is-ready")
    assert (result.code, result.stdout) == (0, b"/db-is-ready\n")


def test_the_command_does_not_wait_for_ever(world: World) -> None:
    world.service("db", "exec sleep 1000", check="#!/bin/sh\nexit 1\n")
    result = world.run("--wait-ready=0.3", "--", "echo", "started")
    assert (result.code, result.stdout) == (0, b"started\n")
    assert "not ready after 0.3 s: 'db'; the command is started all the same" in result.stderr


def test_a_stop_is_heard_while_the_command_waits(world: World) -> None:
    world.service("db", "echo db-up; exec sleep 1000", check="#!/bin/sh\nexit 1\n")
    with world.start("--wait-ready=30", "--", "echo", "started") as container:
        container.wait_for(b"db-up")
        result = container.stop()
    assert (result.code, result.stdout) == (143, b"db-up\n")


def test_who_waits_never_counts_as_down_when_its_turn_comes(world: World) -> None:
    """For a moment runsv has the word to start it and has not said so; --wait-ready must not take it for done."""
    for number in range(20):
        world.service(f"s{number}", "exec sleep 1000", **({"depends": f"s{number - 1}"} if number else {}))
    result = world.run("--wait-ready", "--", "sh", "-c", "grep -h '^state' /run/dodai/service/*/policy | sort | uniq -c")
    assert result.stdout.split() == [b"20", b"state", b"ready"]


def test_the_boot_log_tells_when_all_are_ready(world: World) -> None:
    world.service("a", "exec sleep 1000")
    world.service("b", "exec sleep 1000", depends="a")
    with world.start() as container:
        until(lambda: any(event["event"] == "ready" for event in container.events()), "the event")
        states = [(e["name"], e["state"]) for e in container.events() if e["event"] == "service"]
        assert states.index(("b", "ready")) > states.index(("a", "ready"))
        assert ("b", "down") not in states
