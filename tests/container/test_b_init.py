"""B1 to B8, B11: my_init as PID 1 of the image: reaping, the stop, startup files, hooks, one-shots, options, exit codes.

Also the fault of my_init itself (B13). Signals and the clean start of children (B9, B10) are in tests/process.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable

import pytest

from tests.container import harness
from tests.container.harness import File, script

MY_INIT = "/sbin/my_init"
ALONE = ("--network=none",)  # a quarter of a container's start is its network
STARTUP = "/etc/my_init.d"
PRE = "/etc/my_init.pre_shutdown.d"
POST = "/etc/my_init.post_shutdown.d"

# An orphan: its parent ends at once and PID 1 adopts it. It is reaped when it is no process any more, not even a zombie.
ORPHAN = """
pid=$(sh -c 'sleep 0.05 >/dev/null & echo $!')
end=$(($(date +%s) + 15))
while [ -e /proc/$pid ] && [ $(date +%s) -lt $end ]; do sleep 0.02; done
[ -e /proc/$pid ] && echo "PHASE: left a zombie" || echo "PHASE: reaped"
"""

# Says that it was asked to end, and ends; or does not.
POLITE = 'trap "echo NAME asked; exit 0" TERM; echo NAME up; while :; do sleep 0.02; done'
STUBBORN = 'trap "echo asked" TERM; echo up; while :; do sleep 0.05; done'


def polite(name: str) -> str:
    return POLITE.replace("NAME", name)


def words(result: harness.Result) -> list[str]:
    return result.out.splitlines()


def messages(result: harness.Result) -> list[str]:
    """The lines on stderr, without what cron says to syslog when it comes up in time."""
    return [line for line in result.err.splitlines() if not re.search(r" cron\[\d+\]: ", line)]


def seconds_between(started: str, finished: str) -> float:
    """Seconds between two of the engine's times (RFC 3339 with nanoseconds)."""

    def parsed(text: str) -> float:
        whole, fraction = re.fullmatch(r"(.*?)(\.\d+)?Z", text).groups()  # type: ignore[union-attr]
        return datetime.datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(fraction or 0)

    return parsed(finished) - parsed(started)


# --- B1: reaping ----------------------------------------------------------------------------------------


def test_orphans_are_reaped_in_every_phase(each_engine: harness.Engine, image: str) -> None:
    phases = {
        f"{STARTUP}/10": "startup",
        "/etc/rc.local": "rc.local",
        "/command": "command",
        f"{PRE}/10": "pre",
        f"{POST}/10": "post",
    }
    files = {path: script(ORPHAN.replace("PHASE", phase)) for path, phase in phases.items()}
    result = each_engine.run(image, MY_INIT, "--", "/command", files=files, options=ALONE)
    assert words(result) == [f"{phase}: reaped" for phase in phases.values()]


def test_orphans_of_services_and_of_exec_are_reaped(engine: harness.Engine, image: str) -> None:
    files = {"/etc/service/s/run": script(ORPHAN.replace("PHASE", "service") + "exec sleep 1000")}
    with engine.start(image, files=files, options=ALONE) as container:
        container.wait_for("service: reaped")
        container.exec("sh", "-c", "for i in $(seq 200); do (true &); done")
        container.wait_for(lambda: "Z" not in container.sh("ps -eo state=").split())


def test_orphans_are_reaped_when_my_init_is_not_pid_1(engine: harness.Engine, image: str) -> None:
    """Compat 1: CMD in shell form, where PID 1 is a shell."""
    # The adopter must be my_init: PID 1 here is a shell that waits for its own child only.
    look = """sh -c 'sleep 0.2 >/dev/null & echo $!' >/pid; sleep 0.05; ps -o ppid= -p $(cat /pid)"""
    shell_form = f"{MY_INIT} --quiet -- sh -c '{look.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)} ; echo $PPID'; exit $?"
    result = engine.run(image, "sh", "-c", shell_form, options=ALONE)
    parent, my_init = result.out.split()
    assert parent == my_init != "1", result.log


# --- B2, B3: the stop -----------------------------------------------------------------------------------


def test_the_stop_has_an_order(each_engine: harness.Engine, image: str) -> None:
    files = {
        f"{STARTUP}/10": script(f"({polite('other')}) &"),
        "/etc/service/s/run": script(polite("service")),
        f"{PRE}/20": script("echo pre 2"),
        f"{PRE}/10": script("echo pre 1; ps -ef | grep -c '[.]/run' | sed 's/^0$/no services/; s/^[1-9].*/services run/'"),
        f"{POST}/10": script("echo post; ps -ef | grep '[s]yslog-ng --fore' || echo no syslog"),
    }
    with each_engine.start(image, files=files, options=ALONE) as container:
        container.wait_for("service up")
        container.wait_for("other up")
        assert container.stop() == 0
        said = [line for line in words(container.logs()) if not line.endswith("up")]
    assert said == ["pre 1", "services run", "pre 2", "service asked", "other asked", "post", "no syslog"]


def test_what_exec_started_is_asked_to_end_too(engine: harness.Engine, image: str) -> None:
    """Processes of `docker exec` are nobody's children, and belong to the container all the same."""
    with engine.start(image, options=ALONE) as container:
        container.spawn("sh", "-c", 'trap "echo clean >/clean; exit 0" TERM; echo >/up; while :; do sleep 0.02; done')
        container.wait_for(lambda: container.exec("test", "-e", "/up", check=False).code == 0)
        assert container.stop() == 0
        assert container.read("/clean") == b"clean\n"


def test_a_stubborn_process_is_killed_and_nothing_is_skipped(engine: harness.Engine, image: str) -> None:
    files = {
        "/etc/service/stubborn/run": script(STUBBORN),
        "/etc/service/polite/run": script(polite("polite")),
        f"{PRE}/10": script("sleep 1000"),
        f"{PRE}/20": script("echo second; exit 9"),
        f"{POST}/10": script("echo post"),
    }
    with engine.start(image, files=files, env={"MY_INIT_STOP_BUDGET": "2"}, options=ALONE) as container:
        container.wait_for("polite up")
        container.wait_for("\nup\n")
        assert container.stop() == 0  # and not 137: docker had nothing to kill
        log = container.logs()
    assert {"asked", "polite asked", "second", "post"} <= set(words(log))
    for line in (
        f"*** {PRE}/10 takes longer than its share of the stop",
        f"*** {PRE}/20 failed: exit code 9",
        "*** service 'stubborn' did not stop in time; it is killed",
    ):
        assert line in log.err


def test_a_stop_fits_into_what_docker_grants(engine: harness.Engine, image: str) -> None:
    """The default budget: with everything hanging, the container has ended by itself when docker would kill it."""
    files = {
        "/etc/service/stubborn/run": script(STUBBORN),
        f"{STARTUP}/10": script("(trap '' TERM; while :; do sleep 0.05; done) &"),
        f"{POST}/10": script("echo post"),
    }
    with engine.start(image, files=files, options=ALONE) as container:
        container.wait_for("up")
        assert container.stop(10) == 0
        assert "post" in container.logs().out
        assert "other processes did not end in time" in container.logs().err


@pytest.mark.parametrize(
    ("variables", "least", "most"),
    [
        ({"KILL_PROCESS_TIMEOUT": "1"}, 1.0, 4.0),  # the default of 8 s would give services 5
        ({"KILL_PROCESS_TIMEOUT": "3", "MY_INIT_STOP_BUDGET": "6"}, 3.0, 5.5),
    ],
    ids=["shorter", "longer"],
)
def test_a_services_time_to_end_is_kill_process_timeout(
    engine: harness.Engine, image: str, variables: dict[str, str], least: float, most: float
) -> None:
    with engine.start(image, files={"/etc/service/s/run": script(STUBBORN)}, env=variables, options=ALONE) as container:
        container.wait_for("up")
        before = time.monotonic()
        assert container.stop(30) == 0
        assert least <= time.monotonic() - before < most


def test_everybody_elses_time_to_end_is_kill_all_processes_timeout(engine: harness.Engine, image: str) -> None:
    files = {f"{STARTUP}/10": script(f"({STUBBORN}) &")}
    with engine.start(image, files=files, env={"KILL_ALL_PROCESSES_TIMEOUT": "1"}, options=ALONE) as container:
        container.wait_for("up")
        before = time.monotonic()
        assert container.stop(30) == 0
        assert 1.0 <= time.monotonic() - before < 4.0
        assert "asked" in words(container.logs())


def test_a_second_request_never_aborts_the_stop(engine: harness.Engine, image: str) -> None:
    files = {
        "/etc/service/s/run": script(
            'trap "echo asked; sleep 1; echo clean; exit 0" TERM; echo up; while :; do sleep 0.02; done'
        )
    }
    with engine.start(image, files=files, options=ALONE) as container:
        container.wait_for("up")
        container.signal("TERM")
        container.wait_for("asked")
        container.signal("TERM")
        container.signal("INT")
        assert container.exit_code() == 0
        assert words(container.logs()) == ["up", "asked", "clean"]


def test_a_stopped_service_is_continued(engine: harness.Engine, image: str) -> None:
    files = {
        "/etc/service/s/run": script('trap "echo clean; exit 0" TERM; echo up; kill -STOP $$; while :; do sleep 0.02; done')
    }
    with engine.start(image, files=files, options=ALONE) as container:
        container.wait_for("up")
        assert container.stop() == 0
        assert words(container.logs()) == ["up", "clean"]


def test_sigint_stops_as_sigterm_does(engine: harness.Engine, image: str) -> None:
    with engine.start(image, files={"/etc/service/s/run": script(polite("service"))}, options=ALONE) as container:
        container.wait_for("service up")
        container.signal("INT")
        assert container.exit_code() == 0
        assert words(container.logs()) == ["service up", "service asked"]


def best_of_three(measure: Callable[[], float], enough: float) -> float:
    """The least of at most three measurements: a busy machine is no fault of ours."""
    best = measure()
    for _ in range(2):
        if best < enough:
            break
        best = min(best, measure())
    return best


def test_no_fixed_sleep_in_the_stop_of_an_idle_container(engine: harness.Engine, image: str) -> None:
    """runsv alone sleeps a second after a service that has lived less than one."""

    def stop() -> float:
        with engine.start(image, options=ALONE) as container:
            container.wait_for(lambda: container.exec("pgrep", "-x", "cron", check=False).code == 0)
            before = time.time()
            container.signal("TERM")
            container.exit_code()
            began = datetime.datetime.fromtimestamp(before, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            return seconds_between(began, engine.inspect("container", container.name)["State"]["FinishedAt"])

    assert best_of_three(stop, 0.9) < 0.9


def test_no_fixed_sleep_in_a_one_shot(engine: harness.Engine, image: str) -> None:
    def live() -> float:
        with engine.container(image, MY_INIT, "--", "true", options=ALONE) as container:
            engine.call("start", "--attach", container.name)
            state = engine.inspect("container", container.name)["State"]
            return seconds_between(state["StartedAt"], state["FinishedAt"])

    assert best_of_three(live, 0.9) < 0.9


def test_no_fixed_sleep_before_the_first_service(engine: harness.Engine, image: str) -> None:
    """Between the start of PID 1 and that of a service, in the kernel's ticks of 10 ms."""
    files = {
        "/etc/service/s/run": script("echo ticks $(cut -d' ' -f22 /proc/1/stat) $(cut -d' ' -f22 /proc/$$/stat); exec sleep 99")
    }

    def boot() -> float:
        with engine.start(image, files=files, options=ALONE) as container:
            container.wait_for("ticks")
            first, service = (int(word) for word in container.logs().out.partition("ticks")[2].split()[:2])
            return (service - first) / 100

    assert best_of_three(boot, 0.5) < 0.5


def test_no_kill_all_on_exit_leaves_the_others_alone(engine: harness.Engine, image: str) -> None:
    files = {f"{STARTUP}/10": script(f"({polite('other')}) & until [ -e /up ]; do [ -e /proc/$! ] && echo >/up; done")}
    # As PID 1 my_init takes everybody along, whatever it does: only whether they were asked can be seen.
    assert "other asked" in engine.run(image, MY_INIT, "--", "sleep", "0.3", files=files, options=ALONE).out
    result = engine.run(image, MY_INIT, "--no-kill-all-on-exit", "--", "sleep", "0.3", files=files, options=ALONE)
    assert words(result) == ["other up"]


# --- B4: startup files ----------------------------------------------------------------------------------


def test_startup_files_run_in_byte_order_then_rc_local_then_services_then_the_command(
    each_engine: harness.Engine, image: str
) -> None:
    files: dict[str, str | bytes | File] = {
        f"{STARTUP}/{name}": script(f"echo {name}") for name in ("b", "a", "B", "10", "9", "A.sh", "ü")
    }
    files |= {
        f"{STARTUP}/not": File("#!/bin/sh\necho wrong\n", mode=0o644),
        f"{STARTUP}/link": File(link="/opt/elsewhere"),
        "/opt/elsewhere": script("echo link"),
        "/etc/rc.local": script("echo rc.local; ls -d /run/dodai/service/s 2>&1 | grep -c No"),
        "/etc/service/s/run": script("exec sleep 1000"),
    }
    result = each_engine.run(
        image, MY_INIT, "--", "sh", "-c", "ls -d /run/dodai/service/s; echo command", files=files, options=ALONE
    )
    order = ["10", "9", "A.sh", "B", "a", "b", "link", "ü", "rc.local", "1", "/run/dodai/service/s", "command"]
    assert words(result) == order
    assert f"*** {STARTUP}/not is skipped: not executable; run chmod +x on it" in result.err


def test_rc_local_that_is_not_executable_does_not_run(engine: harness.Engine, image: str) -> None:
    files = {"/etc/rc.local": File("#!/bin/sh\necho wrong\n", mode=0o644)}
    assert engine.run(image, MY_INIT, "--", "true", files=files, options=ALONE).out == ""


def test_another_directory_of_startup_files(engine: harness.Engine, image: str) -> None:
    files = {f"{STARTUP}/10": script("echo wrong"), "/app/init/10": script("echo right")}
    variables = {"ENV_INIT_DIRECTORY": "/app/init"}
    assert words(engine.run(image, MY_INIT, "--", "true", files=files, env=variables, options=ALONE)) == ["right"]


def test_a_startup_file_that_never_ends_is_the_container(engine: harness.Engine, image: str) -> None:
    """Compat 4: the last startup file execs the program; the stop reaches it, and what came before lives on beside it."""
    files = {
        f"{STARTUP}/10": script("(sleep 0.3; echo late job) &"),
        f"{STARTUP}/99": script(polite("program")),
    }
    with engine.start(image, files=files, options=ALONE) as container:
        container.wait_for("program up")
        container.wait_for("late job")
        assert container.stop() == 0
        assert "program asked" in words(container.logs())


def test_removed_startup_files_and_services_do_no_harm(engine: harness.Engine, image: str) -> None:
    """Compat 11, E6: the Dockerfile lines that take the image's own parts out."""
    remove = f"rm -rf {STARTUP}/* /etc/service/sshd /etc/service/syslog-ng /etc/service/cron; exec {MY_INIT} -- echo done"
    result = engine.run(image, "sh", "-c", remove, options=ALONE)
    assert (result.code, result.out) == (0, "done\n")


# --- B5: hooks ------------------------------------------------------------------------------------------


def test_a_failing_hook_neither_skips_another_nor_hides_the_exit_code(engine: harness.Engine, image: str) -> None:
    files: harness.Files = {
        f"{PRE}/10": script("echo pre 1; exit 3"),
        f"{PRE}/20": script("echo pre 2; kill -9 $$"),
        f"{PRE}/30": File("echo bad\r\n", mode=0o755),
        f"{POST}/10": script("echo post 1; exit 4"),
        f"{POST}/20": script("echo post 2"),
    }
    result = engine.run(image, MY_INIT, "--", "sh", "-c", "exit 7", files=files, options=ALONE)
    assert result.code == 7
    assert words(result) == ["pre 1", "pre 2", "post 1", "post 2"]
    for line in (
        f"*** {PRE}/10 failed: exit code 3",
        f"*** {PRE}/20 failed: killed by signal 9",
        f"{PRE}/30",
        f"*** {POST}/10 failed: exit code 4",
    ):
        assert line in result.err


# --- B6, B7: one-shots and options ----------------------------------------------------------------------


def test_arguments_arrive_as_they_are(each_engine: harness.Engine, image: str) -> None:
    """From the first word that is no option on everything is the command; compat 3: an empty word too."""
    given = ["a b", "", "--quiet", "--", "*", "$HOME", "ü", "'"]
    show = ["sh", "-c", 'printf "<%s>" "$@"', "x"]
    expected = "".join(f"<{word}>" for word in given)
    for before in (["--quiet", "--"], ["--quiet"], ["--"], []):
        assert each_engine.run(image, MY_INIT, *before, *show, *given, options=ALONE).out == expected


def test_the_command_is_a_child_of_my_init_and_not_pid_1(engine: harness.Engine, image: str) -> None:
    result = engine.run(image, MY_INIT, "--", "sh", "-c", "echo $PPID $(( $$ > 1 ))", options=ALONE)
    assert result.out == "1 1\n"


def test_services_run_beside_the_command_and_stop_after_it(each_engine: harness.Engine, image: str) -> None:
    files = {"/etc/service/s/run": script(polite("service"))}
    command = (
        "until sv status s 2>/dev/null | grep -q ^run: && [ -S /dev/log ]; do sleep 0.02; done; sleep 0.2; echo command; exit 3"
    )
    result = each_engine.run(image, MY_INIT, "--", "sh", "-c", command, files=files, options=ALONE)
    assert (result.code, words(result)) == (3, ["service up", "command", "service asked"])


def test_stdin_reaches_the_command(engine: harness.Engine, image: str) -> None:
    data = bytes(range(256)) * 100
    assert engine.run(image, MY_INIT, "--", "cat", input=data, options=ALONE).stdout == data


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--skip-startup-files", ["service up", "command", "service asked", "post"]),
        ("--skip-runit", ["startup", "rc.local", "command", "post"]),
        ("--no-kill-all-on-exit", ["startup", "rc.local", "service up", "command", "service asked", "post"]),
        ("--quiet", ["startup", "rc.local", "service up", "command", "service asked", "post"]),
    ],
)
def test_an_option(engine: harness.Engine, image: str, option: str, expected: list[str]) -> None:
    files = {
        f"{STARTUP}/10": script("echo startup"),
        "/etc/rc.local": script("echo rc.local"),
        "/etc/service/s/run": script(polite("service") + "\n"),
        f"{POST}/10": script("echo post"),
    }
    command = "sleep 0.5; echo command" if option != "--skip-runit" else "[ -e /run/dodai/service ] || echo command"
    result = engine.run(image, MY_INIT, option, "--", "sh", "-c", command, files=files, options=ALONE)
    assert words(result) == expected
    assert (messages(result) == []) is (option == "--quiet")


def test_the_insecure_key_is_for_one_container_and_loud(engine: harness.Engine, image: str) -> None:
    show = "test -s /root/.ssh/authorized_keys && echo there || echo none"
    result = engine.run(image, MY_INIT, "--enable-insecure-key", "--", "sh", "-c", show, options=ALONE)
    assert result.out == "there\n"
    assert "insecure" in result.err.lower()
    assert engine.run(image, MY_INIT, "--", "sh", "-c", show, options=ALONE).out == "none\n"


def test_help_is_on_stdout_and_names_every_option(engine: harness.Engine, image: str) -> None:
    result = engine.run(image, MY_INIT, "--help", options=ALONE)
    assert (result.code, result.err) == (0, "")
    for option in (
        "--skip-startup-files",
        "--skip-runit",
        "--enable-insecure-key",
        "--no-kill-all-on-exit",
        "--quiet",
        "--help",
    ):
        assert option in result.out


# --- B8: the table of exit codes, line by line ----------------------------------------------------------

COMMAND = ["--", "echo", "command"]
SERVICE = {"/etc/service/s/run": script(polite("service"))}
CRITICAL = {"/etc/service/c/critical": "", **SERVICE}


@pytest.mark.parametrize(
    ("arguments", "files", "code", "message"),
    [
        # one-shot ended with n
        (["--", "true"], {}, 0, ""),
        (["--", "sh", "-c", "exit 1"], {}, 1, ""),
        (["--", "sh", "-c", "exit 255"], {}, 255, ""),
        # one-shot killed by signal n
        (["--", "sh", "-c", "kill -9 $$"], {}, 137, "the command was killed by signal 9 (SIGKILL)"),
        (["--", "sh", "-c", "kill -15 $$"], {}, 143, "the command was killed by signal 15 (SIGTERM)"),
        (["--", "sh", "-c", "kill -SEGV $$"], {}, 139, "the command was killed by signal 11 (SIGSEGV)"),
        # command not found / not executable or bad format
        (["--", "no-such-command"], {}, 127, "cannot run 'no-such-command': not found in PATH"),
        (["--", "/no/such/file"], {}, 127, "cannot run '/no/such/file': no such file"),
        (["--", "/etc/hostname"], {}, 126, "cannot run '/etc/hostname': not executable"),
        (["--", "/text"], {"/text": File("true\n", mode=0o755)}, 126, "cannot run '/text': no #! line"),
        (["--", "/crlf"], {"/crlf": "#!/bin/sh\r\n"}, 127, "CRLF"),
        (["--", "/lost"], {"/lost": "#!/no/such\n"}, 127, "its interpreter '/no/such' is missing"),
        ([], {"/etc/service/c/run": script("exit 0"), **CRITICAL}, 0, "critical service 'c' ended with exit code 0"),
        # startup file or rc.local ended with n / killed by n
        (COMMAND, {f"{STARTUP}/10": script("exit 3"), **SERVICE}, 3, f"{STARTUP}/10 failed: exit code 3"),
        (COMMAND, {f"{STARTUP}/10": script("kill -9 $$"), **SERVICE}, 137, f"{STARTUP}/10 failed: killed by signal 9"),
        (COMMAND, {"/etc/rc.local": script("exit 5"), **SERVICE}, 5, "/etc/rc.local failed: exit code 5"),
        (COMMAND, {"/etc/rc.local": script("kill -15 $$"), **SERVICE}, 143, "/etc/rc.local failed: killed by signal 15"),
        (COMMAND, {f"{STARTUP}/10": "#!/bin/sh\r\ntrue\r\n", **SERVICE}, 127, "CRLF"),
        (COMMAND, {f"{STARTUP}/10": "#!/no/such\n", **SERVICE}, 127, "its interpreter '/no/such' is missing"),
        ([], {f"{STARTUP}/10": script("exit 3"), **SERVICE}, 3, "the boot ends here"),
        # critical service ended with n / killed by n
        ([], {"/etc/service/c/run": script("exit 6"), **CRITICAL}, 6, "critical service 'c' ended with exit code 6"),
        ([], {"/etc/service/c/run": script("kill -9 $$"), **CRITICAL}, 137, "critical service 'c' ended with exit code 137"),
        (["--", "sleep", "1000"], {"/etc/service/c/run": script("exit 6"), **CRITICAL}, 6, "critical service 'c'"),
        # wrong usage
        (["--bogus"], {}, 2, "unknown option '--bogus'"),
        (["--skip-runit"], {}, 2, "--skip-runit needs a command"),
        (["--quiet", "--skip-runit", "--"], {}, 2, "--skip-runit needs a command"),
    ],
)
def test_the_exit_code(
    engine: harness.Engine, image: str, arguments: list[str], files: dict[str, str | File], code: int, message: str
) -> None:
    result = engine.run(image, MY_INIT, *arguments, files={f"{POST}/10": script("echo post"), **files}, options=ALONE)
    assert result.code == code, result.log
    assert message in result.err
    # After a boot that failed no service and no command was started; the stop was orderly in any case but wrong usage.
    said = words(result)
    assert "command" not in said
    if arguments == COMMAND:
        assert "service up" not in said
    assert said[-1:] == (["post"] if code != 2 else [])
    # "Terminated" is what a service's shell says of its own child.
    assert all(line.startswith("*** ") or line == "Terminated" for line in messages(result)), result.err


@pytest.mark.parametrize(
    ("arguments", "run", "signal", "code"),
    [
        # stop asked for, no one-shot
        ([], {}, "TERM", 0),
        ([], {}, "INT", 0),
        # one-shot killed by a signal, or with its own answer to it
        (["--", "sh", "-c", "echo up; exec sleep 1000"], {}, "TERM", 143),
        (["--", "sh", "-c", 'trap "exit 7" TERM; echo up; while :; do sleep 0.02; done'], {}, "TERM", 7),
        # stop asked for before the command was started, whatever the interrupted script returned
        (["--", "echo", "never"], {f"{STARTUP}/10": script('trap "exit 3" TERM; echo up; sleep 1000 & wait')}, "TERM", 143),
        (["--", "echo", "never"], {f"{STARTUP}/10": script("echo up; sleep 1000; exit 3")}, "INT", 130),
        ([], {f"{STARTUP}/10": script("echo up; sleep 1000; exit 3")}, "TERM", 0),
        ([], {"/etc/rc.local": script("echo up; sleep 1000; exit 3")}, "TERM", 0),
    ],
)
def test_the_exit_code_of_a_stop(
    engine: harness.Engine, image: str, arguments: list[str], run: dict[str, str], signal: str, code: int
) -> None:
    files = {"/etc/service/s/run": script(polite("service")), f"{POST}/10": script("echo post"), **run}
    with engine.start(image, MY_INIT, *arguments, files=files, options=ALONE) as container:
        container.wait_for("up\n")
        container.signal(signal)
        assert container.exit_code() == code
        said = words(container.logs())
    assert "never" not in said
    assert said[-1] == "post"


def test_services_stop_in_order_after_a_command_that_cannot_start(engine: harness.Engine, image: str) -> None:
    files = {"/etc/service/s/run": script('trap "echo asked; exit 0" TERM; while :; do sleep 0.02; done')}
    result = engine.run(image, MY_INIT, "--", "no-such-command", files=files, options=ALONE)
    assert result.code == 127
    assert result.out in ("", "asked\n")  # the service may not have come to its first line


def test_a_fault_of_my_init_itself_ends_in_an_orderly_stop(engine: harness.Engine, image: str) -> None:
    """B13, and the table's last line: 70. A copy of the guest with a fault in the running state."""
    module = "/usr/lib/dodai/guest/policy/boot.py"
    with engine.container(image, options=ALONE) as container:
        source = container.read(module).decode()
    broken = source.replace("def hang_up(", "def hang_up(self, number):\n    return 1 // 0\n\n\ndef unused(")
    assert broken != source
    files = {
        # An empty directory over the compiled modules: Python compiles the sources anew.
        "/etc/service/s/run": script(polite("service")),
        f"{POST}/10": script("echo post"),
        module: broken,
    }
    hide = "--tmpfs=/usr/lib/dodai/guest/policy/__pycache__"
    with engine.start(image, files=files, options=[*ALONE, hide]) as container:
        container.wait_for("service up")
        container.signal("HUP")
        assert container.exit_code() == 70
        log = container.logs()
    assert words(log) == ["service up", "service asked", "post"]
    assert "*** my_init failed in state 'running': ZeroDivisionError" in log.err
    assert "Traceback" not in log.err


# --- B11: output ----------------------------------------------------------------------------------------


def test_stdout_is_byte_for_byte_the_commands(each_engine: harness.Engine, image: str) -> None:
    """In the plain image with syslog, cron and a message that goes to the log."""
    data = b"\x00\xff\r\n\x1b[0mno newline at the end"
    command = "logger hello; until sv status cron 2>/dev/null | grep -q ^run: ; do sleep 0.02; done; cat /data"
    result = each_engine.run(image, MY_INIT, "--", "sh", "-c", command, files={"/data": data}, options=ALONE)
    assert result.stdout == data
    assert "hello" in result.err


def test_every_message_is_a_line_that_begins_with_stars(engine: harness.Engine, image: str) -> None:
    result = engine.run(image, MY_INIT, "--", "true", options=ALONE)
    assert result.out == ""
    assert messages(result)
    assert all(line.startswith("*** ") or line == "Terminated" for line in messages(result)), result.err


@pytest.mark.parametrize("quiet", [["--quiet"], []], ids=["option", "variable"])
def test_quiet_says_errors_only(engine: harness.Engine, image: str, quiet: list[str]) -> None:
    variables = {} if quiet else {"MY_INIT_VERBOSITY": "0"}
    result = engine.run(image, MY_INIT, *quiet, "--", "echo", "x", env=variables, options=ALONE)
    assert (result.out, messages(result)) == ("x\n", [])
    failed = engine.run(image, MY_INIT, *quiet, "--", "no-such", env=variables, options=ALONE)
    assert messages(failed) == ["*** cannot run 'no-such': not found in PATH"]


def test_verbose_says_more(engine: harness.Engine, image: str) -> None:
    lines = [
        len(messages(engine.run(image, MY_INIT, "--", "true", env={"MY_INIT_VERBOSITY": level}, options=ALONE)))
        for level in ("1", "2")
    ]
    assert lines[0] < lines[1]


# --- and again ----------------------------------------------------------------------------------------


def test_a_restarted_container_works_as_a_new_one(each_engine: harness.Engine, image: str) -> None:
    """State of the last run, also of one that was killed, is in nobody's way."""
    files = {"/etc/service/s/run": script(polite("service")), f"{STARTUP}/10": script("echo startup")}
    with each_engine.start(image, files=files, options=ALONE) as container:
        container.wait_for("service up")
        container.restart()
        container.wait_for(lambda: container.logs().out.count("service up") == 2)
        container.signal("KILL")
        assert container.exit_code() == 137
        container.start()
        container.wait_for(lambda: container.logs().out.count("service up") == 3)
        container.wait_for(lambda: container.exec("test", "-S", "/dev/log", check=False).code == 0)
        assert container.stop() == 0
        assert container.logs().out.count("startup") == 3
