"""B2, B3, B5: the orderly stop: who is asked when, how long, and that nothing hangs or is cut short."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.container import clock
from tests.container.harness import Container, Engine, File, Files, script

INIT = "/sbin/my_init"
LOOP = "while :; do sleep 0.05; done"
STUBBORN = script(f'trap "" TERM; echo up; {LOOP}')
POLITE = script(f'trap "echo service; exit 0" TERM; echo up; {LOOP}')


@pytest.fixture(scope="session")
def engine(engine: Engine) -> Engine:
    return engine.alone()


@pytest.fixture(scope="session")
def each_engine(each_engine: Engine) -> Engine:
    return each_engine.alone()


@contextmanager
def seconds_between(low: float, high: float) -> Iterator[None]:
    """Generous bounds: they tell a wait that is there from one that is not, not fast from slow."""
    before = time.monotonic()
    yield
    assert low <= time.monotonic() - before < high


def test_the_order_of_the_stop(each_engine: Engine, image: str) -> None:
    files = {
        "/etc/service/s/run": POLITE,
        "/etc/my_init.d/10": script(f'(trap "logger -t other up; echo other; exit 0" TERM; {LOOP}) &'),
        "/etc/my_init.pre_shutdown.d/20": script("echo pre20; sv status s | cut -d: -f1"),
        "/etc/my_init.pre_shutdown.d/10": script("echo pre10; exit 3"),
        "/etc/my_init.post_shutdown.d/10": script("pgrep -x runsv || echo post10"),
        "/etc/my_init.post_shutdown.d/20": script("echo post20"),
    }
    command = f'trap "echo command; exit 7" TERM; {LOOP}'
    with each_engine.start(image, INIT, "--", "sh", "-c", command, files=files) as container:
        container.wait_for("up")
        assert container.stop() == 7
        log = container.logs()
        assert log.out.split() == ["up", "pre10", "pre20", "run", "command", "service", "other", "post10", "post20"]
        assert "pre_shutdown.d/10 failed: exit code 3" in log.err
        # The system logger was the last of all to go.
        assert b"other: up" in container.read("/var/log/syslog")


def test_no_fixed_sleep_in_the_stop_of_an_idle_container(engine: Engine, image: str) -> None:
    """runsv alone sleeps a second after a service that has lived for less."""

    def stop() -> float:
        with engine.start(image) as container:
            container.wait_for(lambda: container.exec("sv", "status", "cron", check=False).out.startswith("run"))
            before = time.time()
            container.signal("TERM")
            assert container.exit_code() == 0
            return clock.ended(container) - before

    assert clock.best(stop, 0.9) < 0.9


def test_the_slowest_service_decides_and_not_the_sum(engine: Engine, minimal: str) -> None:
    run = script(f'trap "sleep 1; echo gone; exit 0" TERM; echo up; {LOOP}')
    with engine.start(minimal, files={f"/etc/service/{name}/run": run for name in "abcd"}) as container:
        container.wait_for(lambda: container.logs().out.count("up") == 4)
        with seconds_between(1, 3):
            assert container.stop() == 0
        assert container.logs().out.count("gone") == 4


def test_a_service_is_killed_only_when_its_time_is_over(engine: Engine, minimal: str) -> None:
    with engine.start(minimal, files={"/etc/service/s/run": STUBBORN}, env={"KILL_PROCESS_TIMEOUT": "1"}) as container:
        container.wait_for("up")
        with seconds_between(1, 4):
            assert container.stop() == 0
        assert "service 's' did not stop in time; it is killed" in container.logs().err


def test_a_longer_timeout_widens_the_budget(engine: Engine, minimal: str) -> None:
    slow = script(f'trap "sleep 2.5; echo saved; exit 0" TERM; echo up; {LOOP}')
    env = {"MY_INIT_STOP_BUDGET": "1", "KILL_PROCESS_TIMEOUT": "6"}
    with engine.start(minimal, files={"/etc/service/s/run": slow}, env=env) as container:
        container.wait_for("up")
        with seconds_between(2.5, 6):
            assert container.stop() == 0
        assert container.logs().out == "up\nsaved\n"


def test_the_timeout_of_other_processes(engine: Engine, minimal: str) -> None:
    orphan = script(f'(trap "" TERM; {LOOP}) & (trap "echo asked; exit" TERM; {LOOP}) & echo up')
    with engine.start(minimal, files={"/etc/my_init.d/10": orphan}, env={"KILL_ALL_PROCESSES_TIMEOUT": "1"}) as container:
        container.wait_for("up")
        with seconds_between(1, 4):
            assert container.stop() == 0
        assert "asked" in container.logs().out
        assert "did not end in time" in container.logs().err


def test_a_failing_hook_neither_skips_another_nor_hides_the_exit_code(engine: Engine, minimal: str) -> None:
    files: Files = {
        "/etc/my_init.pre_shutdown.d/10": script("echo pre1; kill -9 $$"),
        "/etc/my_init.pre_shutdown.d/20": File("echo bad\r\n", 0o755),
        "/etc/my_init.pre_shutdown.d/30": script("echo pre3"),
        "/etc/my_init.post_shutdown.d/10": script("echo post1; exit 4"),
        "/etc/my_init.post_shutdown.d/20": script("echo post2"),
    }
    result = engine.run(minimal, INIT, "--", "sh", "-c", "exit 7", files=files)
    assert (result.code, result.out.split()) == (7, ["pre1", "pre3", "post1", "post2"])
    for words in (
        "pre_shutdown.d/10 failed: killed by signal 9",
        "pre_shutdown.d/20",
        "post_shutdown.d/10 failed: exit code 4",
    ):
        assert words in result.err


@pytest.mark.parametrize("value", ["soon", "-1"])
def test_a_timeout_that_is_no_number_is_named(engine: Engine, minimal: str, value: str) -> None:
    with engine.start(minimal, env={"KILL_PROCESS_TIMEOUT": value}) as container:
        container.wait_for(lambda: container.exec("test", "-e", "/run/dodai/pid", check=False).code == 0)
        assert container.stop() == 0
        assert f"KILL_PROCESS_TIMEOUT='{value}' is not a number of seconds" in container.logs().err


def test_when_all_hang_the_stop_still_ends_before_docker_kills(engine: Engine, minimal: str) -> None:
    files = {
        "/etc/service/s/run": STUBBORN,
        "/etc/my_init.d/10": script(f'(trap "" TERM; {LOOP}) &'),
        "/etc/my_init.pre_shutdown.d/10": script(f'trap "" TERM; {LOOP}'),
        "/etc/my_init.pre_shutdown.d/20": script("echo second"),
        "/etc/my_init.post_shutdown.d/10": script("sleep 1000"),
        "/etc/my_init.post_shutdown.d/20": script("echo last"),
    }
    with engine.start(minimal, INIT, "--", "sh", "-c", f'trap "" TERM; echo command; {LOOP}', files=files) as container:
        container.wait_for("up")
        container.wait_for("command")
        with seconds_between(4, 9.5):
            code = container.stop(10)
        log = container.logs()
        assert code == 137, "the command was killed by my_init"
        for words in (
            "pre_shutdown.d/10 takes longer than its share",
            "post_shutdown.d/10 takes longer than its share",
            "the command did not end in time",
            "service 's' did not stop in time",
            "did not end in time; they are killed",
        ):
            assert words in log.err
        assert {"second", "last"} <= set(log.out.split())
        assert not engine.inspect("container", container.name)["State"]["OOMKilled"]


def test_a_second_request_does_not_abort_the_first(engine: Engine, minimal: str) -> None:
    slow = script(f'trap "echo asked; sleep 1; echo saved; exit 0" TERM; echo up; {LOOP}')
    with engine.start(minimal, files={"/etc/service/s/run": slow}) as container:
        container.wait_for("up")
        container.signal("TERM")
        container.wait_for("asked")
        for signal in ("TERM", "INT", "TERM"):
            container.signal(signal)
        assert container.exit_code() == 0
        assert container.logs().out == "up\nasked\nsaved\n"


def test_a_suspended_service_is_continued_and_asked(engine: Engine, minimal: str) -> None:
    suspended = script(f'trap "echo saved; exit 0" TERM; echo up; kill -STOP $$; {LOOP}')
    with engine.start(minimal, files={"/etc/service/s/run": suspended}) as container:
        container.wait_for("up")
        with seconds_between(0, 4):
            assert container.stop() == 0
        assert container.logs().out == "up\nsaved\n"


def test_what_docker_exec_started_is_asked_too(each_engine: Engine, minimal: str) -> None:
    with each_engine.start(minimal) as container:
        container.spawn("sh", "-c", f'trap "echo asked >/proc/1/fd/2; exit 0" TERM; touch /up; {LOOP}')
        container.wait_for(lambda: container.exec("test", "-e", "/up", check=False).code == 0)
        with seconds_between(0, 5):
            assert container.stop() == 0
        assert "asked" in container.logs().err


def test_no_kill_all_on_exit_asks_only_the_services(engine: Engine, minimal: str) -> None:
    files = {
        "/etc/my_init.d/10": script(f'(trap "echo other; exit 0" TERM; {LOOP}) & echo up'),
        "/etc/service/s/run": script(f'trap "echo service; exit 0" TERM; touch /ready; {LOOP}'),
    }
    command = ["sh", "-c", "until [ -e /ready ]; do sleep 0.02; done"]
    kept = engine.run(minimal, INIT, "--no-kill-all-on-exit", "--", *command, files=files)
    assert kept.out.split() == ["up", "service"]
    assert engine.run(minimal, INIT, "--", *command, files=files).out.split() == ["up", "service", "other"]


def test_a_stop_in_the_middle_of_a_startup_file_ends_it_and_its_child(engine: Engine, minimal: str) -> None:
    files = {
        "/etc/my_init.d/10": script('trap "echo asked; exit 0" TERM; echo in; sleep 1000'),
        "/etc/my_init.d/20": script("echo wrong"),
        "/etc/my_init.post_shutdown.d/10": script("echo post"),
    }
    with engine.start(minimal, files=files) as container:
        container.wait_for("in\n")
        with seconds_between(0, 4):
            assert container.stop() == 0
        assert container.logs().out.split() == ["in", "asked", "post"]


def test_restart_is_a_stop_and_a_boot(each_engine: Engine, image: str) -> None:
    files = {"/etc/my_init.d/10": script("echo boot"), "/etc/service/s/run": POLITE}
    with each_engine.start(image, files=files) as container:
        for times in (1, 2, 3):
            container.wait_for(lambda times=times: container.logs().out.count("up") == times)  # type: ignore[misc]
            _logs_a_line(container, f"line-{times}")
            if times < 3:
                container.restart()
        assert container.stop() == 0
        assert container.logs().out.split() == ["boot", "up", "service"] * 3


def _logs_a_line(container: Container, line: str) -> None:
    container.exec("logger", line)
    container.wait_for(lambda: line.encode() in container.read("/var/log/syslog"))


def test_a_boot_after_a_kill_finds_nothing_in_its_way(engine: Engine, image: str) -> None:
    with engine.start(image, files={"/etc/service/s/run": POLITE}) as container:
        container.wait_for("up")
        container.signal("KILL")
        assert container.exit_code() == 137
        container.start()
        container.wait_for(lambda: container.logs().out.count("up") == 2)
        _logs_a_line(container, "after-the-kill")
        assert container.stop() == 0
