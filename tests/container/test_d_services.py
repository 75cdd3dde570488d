"""D1, D3, D7: runit's services as images in the wild use them: every `sv` word, every file of a service directory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.container import harness
from tests.container.harness import Container, Engine, File, script

# Says when it starts, so that a test can count.
PLAIN = script('echo "$(basename "$PWD") starts"; exec sleep infinity')

FILES: harness.Files = {
    "/etc/service/plain/run": PLAIN,
    "/etc/service/off/run": PLAIN,
    "/etc/service/off/down": "",
    "/etc/service/finisher/run": script("trap 'exit 3' TERM HUP; sleep infinity & wait"),
    "/etc/service/finisher/finish": script('echo "finish code=$1 status=$2 in $PWD" >&2'),
    "/etc/service/checked/run": script("rm -f ready; sleep 1; touch ready; exec sleep infinity"),
    "/etc/service/checked/check": script("test -e ready"),
    "/etc/service/logged/run": script('i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo "line $i"; done; exec sleep infinity'),
    "/etc/service/logged/log/run": script("mkdir -p main; exec svlogd -tt ./main"),
    "/etc/service/controlled/run": PLAIN,
    "/etc/service/controlled/control/t": script('echo "control t in $PWD" >&2; kill -KILL "$(cat supervise/pid)"'),
    "/etc/sv/linked/run": PLAIN,
    "/etc/service/linked": File(link="/etc/sv/linked"),
    "/opt/program": PLAIN,
    "/etc/service/runlink/run": File(link="/opt/program"),
    "/etc/service/brief/run": script("echo brief >&2; exit 0"),
    "/etc/service/self/run": script("echo self >&2; touch ./down; sv stop self; exec sleep infinity"),
    "/etc/service/leaver/run": script("[ -e /left ] || { touch /left; sleep 4242 & }; exit 0"),
    "/etc/service/broken-empty/README": "no run file",
    "/etc/service/broken-mode/run": File(script("exec sleep infinity"), 0o644),
    "/etc/service/broken-crlf/run": "#!/bin/sh\r\nexec sleep infinity\r\n",
    "/etc/service/broken-interpreter/run": "#!/usr/bin/nothing\n",
    "/etc/service/broken-link/run": File(link="/nowhere"),
}


@pytest.fixture(scope="module")
def box(engine: Engine, image: str) -> Iterator[Container]:
    with engine.start(image, files=FILES) as container:
        container.wait_for("plain starts")
        yield container


def state(box: Container, service: str) -> str:
    return box.sh(f"sv status {service}", check=False)


def pid(box: Container, service: str) -> str:
    def running() -> str:
        word = box.sh(f"cat /etc/service/{service}/supervise/pid")
        return word if word and state(box, service).startswith("run: ") else ""

    return harness.until(running, f"running {service}", more=box.report)


def count(box: Container, text: str) -> int:
    return box.logs().log.count(text)


@pytest.mark.parametrize("name", ["plain", "/etc/service/plain", "/etc/service/plain/"])
def test_sv_finds_a_service_by_every_name(box: Container, name: str) -> None:
    old = pid(box, "plain")
    assert box.sh(f"sv status {name}").startswith("run: ")
    box.sh(f"sv -w 30 restart {name}")
    assert pid(box, "plain") != old
    box.sh(f"sv down {name}; sv -w 10 stop {name}")
    assert state(box, name).startswith("down: ")
    box.sh(f"sv up {name}")
    pid(box, "plain")


def test_once_kill_and_hup_mean_what_runit_says(box: Container) -> None:
    old = pid(box, "plain")
    box.sh("sv kill plain")
    assert harness.until(lambda: (new := pid(box, "plain")) != old and new, "another plain") != old
    box.sh("sv hup finisher")
    box.wait_for("finish code=3 status=0")
    box.sh("sv -w 10 stop plain; sv once plain")
    pid(box, "plain")
    box.sh("sv kill plain")
    harness.until(lambda: state(box, "plain").startswith("down: "), "plain down for good", more=box.report)
    box.sh("sv start plain")
    pid(box, "plain")


def test_down_is_respected_until_the_file_is_removed(box: Container) -> None:
    assert state(box, "off").startswith("down: ")
    assert count(box, "off starts") == 0
    box.sh("rm /etc/service/off/down; sv start off")
    box.wait_for("off starts")


def test_finish_gets_the_code_and_the_status_in_the_services_directory(box: Container) -> None:
    pid(box, "finisher")
    box.sh("sv -w 10 restart finisher")
    box.wait_for("finish code=3 status=0 in /etc/service/finisher")
    pid(box, "finisher")
    box.sh("sv kill finisher")
    box.wait_for("finish code=-1 status=9 in /etc/service/finisher")


def test_start_waits_for_check(box: Container) -> None:
    pid(box, "checked")
    # In one breath: the service is ready a second after its start, also for whoever does not wait.
    box.sh("sv -w 10 stop checked && rm /etc/service/checked/ready && sv -w 10 start checked && ls /etc/service/checked/ready")
    assert box.exec("sv", "check", "checked").out.startswith("ok: run: ")


def test_a_logger_works_in_its_own_directory(box: Container) -> None:
    read = "cat /etc/service/logged/log/main/current"
    harness.until(lambda: "line 3" in box.sh(read, check=False), "logged lines", more=box.report)
    lines = box.sh(read).splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == ["line 1", "line 2", "line 3"]
    assert "line 1" not in box.logs().log
    assert "log: (pid" in state(box, "logged")
    assert box.sh("sv status /etc/service/logged/log").startswith("run: ")


def test_a_control_script_replaces_the_signal(box: Container) -> None:
    old = pid(box, "controlled")
    box.sh("sv term controlled")
    box.wait_for("control t in /etc/service/controlled")
    assert harness.until(lambda: (new := pid(box, "controlled")) != old and new, "another process")


def test_links_are_services_too(box: Container) -> None:
    pid(box, "linked")
    pid(box, "runlink")
    assert "linked starts" in box.logs().log
    assert box.sh("sv status /etc/sv/linked").startswith("run: ")


def test_a_service_that_exits_0_comes_back_every_second(box: Container) -> None:
    seen = count(box, "brief")
    with_time = box.sh("date +%s.%N")
    harness.until(lambda: count(box, "brief\n") >= seen + 3, "three more starts", more=box.report)
    assert 1.5 < float(box.sh("date +%s.%N")) - float(with_time) < 8


def test_a_service_can_disable_itself(box: Container) -> None:
    harness.until(lambda: state(box, "self").startswith("down: "), "self down", more=box.report)
    assert box.sh("ls /etc/service/self/down")
    assert count(box, "self\n") == 1


def test_what_a_run_file_leaves_in_the_background_is_left_alone(box: Container) -> None:
    seen = count(box, "brief\n")
    harness.until(lambda: count(box, "brief\n") >= seen + 2, "two seconds")
    assert box.sh("pgrep -fc '^sleep 4242'") == "1"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("broken-empty", "it has no run file; add "),
        ("broken-mode", "not executable; run chmod +x"),
        ("broken-crlf", "its lines end in CRLF; convert it"),
        ("broken-interpreter", "its interpreter '/usr/bin/nothing' is missing; install it"),
        ("broken-link", "it is a link to '/nowhere', which does not exist"),
    ],
)
def test_a_broken_directory_is_named_with_the_remedy(box: Container, name: str, why: str) -> None:
    box.wait_for(f"*** service '{name}' is not started")
    line = next(line for line in box.logs().err.splitlines() if f"'{name}'" in line)
    assert why in line
    assert state(box, "plain").startswith("run: ")


def test_directories_come_and_go_while_running(box: Container) -> None:
    box.put({"/etc/service/late/run": PLAIN})
    box.wait_for("late starts")
    old = pid(box, "late")
    box.put({"/etc/other/run": script("echo another starts; exec sleep infinity")})
    box.sh("mv /etc/service/late /etc/gone; mv /etc/other /etc/service/late")
    box.wait_for("another starts")
    harness.until(lambda: box.exec("kill", "-0", old, check=False).code, "end of the old one", more=box.report)
    new = pid(box, "late")
    box.sh("rm -rf /etc/service/late")
    harness.until(lambda: box.exec("kill", "-0", new, check=False).code, "end of the removed one", more=box.report)
    assert box.running()


def test_a_killed_supervisor_is_replaced_and_its_service_not_doubled(box: Container) -> None:
    old = pid(box, "plain")
    box.sh("kill -KILL $(pgrep -f '^runsv .*/plain$')")
    assert harness.until(lambda: (new := pid(box, "plain")) != old and new, "another plain", more=box.report)
    assert box.exec("kill", "-0", old, check=False).code != 0
    assert box.sh("pgrep -fc '^runsv .*/plain$'") == "1"
    assert "the supervisor of service 'plain' was killed" in box.logs().err


@pytest.mark.parametrize(("ending", "code"), [("exit 7", 7), ("exit 0", 0), ("kill -USR1 $$", 138), ("kill -KILL $$", 137)])
def test_a_critical_service_ends_the_container_in_order(engine: Engine, image: str, ending: str, code: int) -> None:
    files = {
        "/etc/service/main/run": script(f"sleep 0.3; {ending}"),
        "/etc/service/main/critical": "",
        "/etc/service/main/finish": script('echo "main ended $1 $2" >&2'),
        "/etc/service/other/run": script("trap 'echo other stopped; exit' TERM; sleep infinity & wait"),
        "/etc/my_init.post_shutdown.d/bye": script("echo bye >&2"),
    }
    done = engine.run(image, files=files)
    assert done.code == code, done.log
    assert "other stopped" in done.out
    assert "main ended " in done.err
    assert done.err.rstrip().endswith("bye") or "bye\n" in done.err


def test_services_of_a_read_only_image(engine: Engine, derived: Callable[..., str]) -> None:
    tag = derived(
        "COPY run /etc/service/plain/run\nRUN touch /etc/service/plain/down",
        files={"run": PLAIN},
    )
    with engine.start(tag, options=["--read-only", "--tmpfs=/run", "--tmpfs=/tmp", "--tmpfs=/var/log"]) as box:
        harness.until(lambda: "down: " in box.sh("with_env sv status plain", check=False), "known service", more=box.report)
        box.exec("with_env", "sv", "start", "plain")
        box.wait_for("plain starts")
        assert box.stop() == 0


def test_everything_stops_at_once(engine: Engine, image: str) -> None:
    good = {path: file for path, file in FILES.items() if "broken" not in path}
    with engine.start(image, files=good) as box:
        box.wait_for("plain starts")
        box.wait_for("brief")
        with contextlib.suppress(AssertionError):
            harness.until(lambda: "line 3" in box.sh("cat /etc/service/logged/log/main/current", check=False), "lines", 5)
        assert box.stop() == 0
        assert box.read("/etc/service/logged/log/main/current").count(b"line") == 3
