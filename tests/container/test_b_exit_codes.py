"""B8, with B4 to B6, and B13: the table of exit codes, line by line, in both suites.

A command or script that a signal killed gives 128+n, and whatever ends the container, what else goes wrong hides nothing.
"""

from __future__ import annotations

import pytest

from dodai import paths
from tests.container.harness import Engine, File, Files, Result, script

INIT = "/sbin/my_init"
SERVICE = {"/etc/service/s/run": script("echo service; exec sleep 1000")}
HOOKS = {
    "/etc/my_init.pre_shutdown.d/10": script("echo pre; exit 9"),
    "/etc/my_init.post_shutdown.d/10": script("echo post; kill -9 $$"),
}


@pytest.fixture(scope="session", params=["minimal", "bookworm_minimal"])
def subject(request: pytest.FixtureRequest) -> str:
    tag: str = request.getfixturevalue(request.param)
    return tag


@pytest.fixture(scope="session")
def engine(engine: Engine) -> Engine:
    return engine.alone()


def own_lines(result: Result) -> list[str]:
    return [line for line in result.err.splitlines() if not line.startswith("*** ")]


@pytest.mark.parametrize(
    ("body", "code"),
    [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143), ("kill -34 $$", 162)],
)
def test_a_one_shot_gives_its_code_and_failing_hooks_change_nothing(engine: Engine, subject: str, body: str, code: int) -> None:
    result = engine.run(subject, INIT, "--", "sh", "-c", f"echo command; {body}", files=HOOKS)
    assert result.code == code
    assert result.out.split() == ["command", "pre", "post"]
    assert "/etc/my_init.pre_shutdown.d/10 failed: exit code 9" in result.err
    assert "/etc/my_init.post_shutdown.d/10 failed: killed by signal 9" in result.err


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("no-such-program", 127, "'no-such-program': not found in PATH"),
        ("/no/such", 127, "no such file"),
        ("/crlf", 127, "CRLF"),
        ("/orphan", 127, "its interpreter '/no/interpreter' is missing"),
        ("/plain", 126, "chmod +x"),
        ("/text", 126, "no #! line"),
        ("/etc", 126, "is a directory"),
        ("", 127, "name is empty"),
    ],
)
def test_a_command_that_cannot_run_is_named_and_the_stop_is_orderly(
    engine: Engine, subject: str, command: str, code: int, words: str
) -> None:
    files: Files = {
        **HOOKS,
        "/crlf": "#!/bin/sh\r\ntrue\r\n",
        "/orphan": "#!/no/interpreter\n",
        "/plain": "x",
        "/text": File("true\n", 0o755),
    }
    result = engine.run(subject, INIT, "--", command, files=files)
    assert (result.code, result.out.split()) == (code, ["pre", "post"])
    assert words in result.err
    assert own_lines(result) == []
    assert "Traceback" not in result.err


@pytest.mark.parametrize("signal", ["TERM", "INT"])
def test_a_stop_without_a_command_is_a_success(engine: Engine, subject: str, signal: str) -> None:
    with engine.start(subject, files={**SERVICE, **HOOKS}) as container:
        container.wait_for("service")
        container.signal(signal)
        assert container.exit_code() == 0
        assert container.logs().out.split() == ["service", "pre", "post"]


def test_a_command_that_traps_term_gives_its_own_code(engine: Engine, subject: str) -> None:
    trap = 'trap "exit 7" TERM; echo up; while :; do sleep 0.05; done'
    with engine.start(subject, INIT, "--", "sh", "-c", trap) as container:
        container.wait_for("up")
        assert container.stop() == 7
    with engine.start(subject, INIT, "--", "sh", "-c", "echo up; exec sleep 1000") as container:
        container.wait_for("up")
        assert container.stop() == 143


@pytest.mark.parametrize(
    ("signal", "command", "code"),
    [("TERM", ["echo", "never"], 143), ("INT", ["echo", "never"], 130), ("TERM", [], 0)],
)
@pytest.mark.parametrize("path", ["/etc/my_init.d/10", "/etc/rc.local"])
def test_a_stop_before_the_command_was_started(
    engine: Engine, subject: str, signal: str, command: list[str], code: int, path: str
) -> None:
    files = {path: script('trap "exit 3" TERM; echo in; sleep 1000'), **SERVICE}
    with engine.start(subject, INIT, *(["--", *command] if command else []), files=files) as container:
        container.wait_for("in\n")
        container.signal(signal)
        assert container.exit_code() == code
        assert container.logs().out == "in\n"


@pytest.mark.parametrize("path", ["/etc/my_init.d/50_it", "/etc/rc.local"])
@pytest.mark.parametrize(("body", "code"), [("exit 3", 3), ("kill -15 $$", 143)])
@pytest.mark.parametrize("command", [["--", "echo", "command"], []], ids=["one-shot", "services"])
def test_a_failing_startup_file_ends_the_boot_with_its_code(
    engine: Engine, subject: str, path: str, body: str, code: int, command: list[str]
) -> None:
    files = {path: script(f"echo failing; {body}"), "/etc/my_init.d/60": script("echo later"), **SERVICE, **HOOKS}
    if path == "/etc/rc.local":
        del files["/etc/my_init.d/60"]
    result = engine.run(subject, INIT, *command, files=files)
    assert (result.code, result.out.split()) == (code, ["failing", "pre", "post"])
    assert f"{path} failed" in result.err


@pytest.mark.parametrize(
    ("body", "code", "command"),
    [("exit 5", 5, []), ("kill -6 $$", 134, []), ("exit 0", 0, []), ("exit 5", 5, ["--", "sleep", "1000"])],
)
def test_a_critical_service_ends_the_container_with_its_code(
    engine: Engine, subject: str, body: str, code: int, command: list[str]
) -> None:
    files = {"/etc/service/c/run": script(f"echo critical; {body}"), "/etc/service/c/critical": "", **HOOKS}
    result = engine.run(subject, INIT, *command, files=files)
    assert (result.code, result.out.split()) == (code, ["critical", "pre", "post"])
    assert f"critical service 'c' ended with exit code {code}" in result.err


@pytest.mark.parametrize("words", [["--bogus"], ["--skip-runit"], ["--quiet", "--skip-runit", "--"], ["-x", "--", "true"]])
def test_wrong_usage_is_2_in_one_line(engine: Engine, subject: str, words: list[str]) -> None:
    result = engine.run(subject, INIT, *words)
    assert (result.code, result.out) == (2, "")
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("*** my_init: ")


def test_a_fault_of_my_init_itself_is_70_after_an_orderly_stop(engine: Engine, subject: str) -> None:
    """B13: the fault is an action of my_init that raises while the services run, in a launcher of the test."""
    launcher = (paths.image_dir() / "rootfs/usr/sbin/my_init").read_text()
    before, program, after = launcher.partition("from guest.programs import my_init\n")
    fault = (
        "from guest.policy import running\ndef fail(*words): raise RuntimeError('made by the test')\n"
        "assert running.rescan\nrunning.rescan = fail\n"
    )
    files: Files = {
        "/broken": before + fault + program + after,
        "/etc/service/s/run": script('trap "echo asked; exit 0" TERM; echo up; while :; do sleep 0.05; done'),
        **HOOKS,
    }
    with engine.start(subject, "/broken", files=files) as container:
        container.wait_for("up\n")
        container.signal("HUP")
        assert container.exit_code() == 70
        log = container.logs()
    assert log.out.split() == ["up", "pre", "asked", "post"]
    assert "*** my_init failed in state 'running': RuntimeError" in log.err
    assert "Traceback" not in log.err
