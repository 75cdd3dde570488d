"""B1, B4, B6, B7, B11, E6: how a container boots: reaping, startup files, one-shots, options, what is written where."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.container import clock
from tests.container.harness import Engine, File, Files, Result, script

INIT = "/sbin/my_init"
ALL_OPTIONS = (
    "--skip-startup-files",
    "--skip-runit",
    "--enable-insecure-key",
    "--no-kill-all-on-exit",
    "--quiet",
    "--help",
)


@pytest.fixture(scope="session")
def engine(engine: Engine) -> Engine:
    return engine.alone()


@pytest.fixture(scope="session")
def each_engine(each_engine: Engine) -> Engine:
    return each_engine.alone()


def messages(result: Result) -> list[str]:
    """The lines on stderr, without what cron says to syslog when it comes up in time."""
    return [line for line in result.err.splitlines() if not re.search(r" cron\[\d+\]: ", line)]


# Makes eight orphans that end at once, and tells whether all of them disappear; a zombie would stay in /proc.
ORPHANS = """\
#!/bin/sh
pids=$(for i in 1 2 3 4 5 6 7 8; do sh -c 'sleep 0.05 >/dev/null & echo $!'; done)
for turn in $(seq 100); do
    left=
    for pid in $pids; do [ ! -e "/proc/$pid" ] || left="$left $pid"; done
    [ "$left" ] || break
    sleep 0.05
done
echo "$1: ${left:-reaped}"
"""


def test_orphans_are_reaped_in_every_phase(each_engine: Engine, image: str) -> None:
    files = {
        "/orphans": ORPHANS,
        "/etc/my_init.d/10": script("/orphans startup"),
        "/etc/rc.local": script("/orphans rc.local"),
        "/etc/service/s/run": script("/orphans service; touch /done; exec sleep 1000"),
        "/etc/my_init.pre_shutdown.d/10": script("/orphans pre"),
        "/etc/my_init.post_shutdown.d/10": script("/orphans post"),
    }
    result = each_engine.run(
        image, INIT, "--", "sh", "-c", "until [ -e /done ]; do sleep 0.05; done; /orphans command", files=files
    )
    assert result.code == 0
    assert result.out.splitlines() == [
        f"{phase}: reaped" for phase in ("startup", "rc.local", "service", "command", "pre", "post")
    ]


def test_orphans_of_exec_are_reaped(engine: Engine, image: str) -> None:
    with engine.start(image) as container:
        container.exec("sh", "-c", "for i in $(seq 200); do (true &); done")
        container.wait_for(lambda: "Z" not in container.sh("ps -eo state=").split())


def test_startup_files_in_byte_order_then_rc_local_then_services_then_the_command(each_engine: Engine, image: str) -> None:
    files: Files = {
        **{f"/etc/my_init.d/{name}": script(f"echo {name}") for name in ("10_b", "2", "10_a", "Z", "a.sh", "_x")},
        "/etc/my_init.d/20_plain": "#!/bin/sh\necho wrong\n".replace("#!", " #!"),
        "/etc/my_init.d/30_link": File(link="/app/linked"),
        "/app/linked": script("echo linked"),
        "/etc/rc.local": script("echo rc.local; ls -d /run/dodai/service/s 2>/dev/null || true"),
        "/etc/service/s/run": script("exec sleep 1000"),
    }
    result = each_engine.run(image, INIT, "--", "sh", "-c", "ls -d /run/dodai/service/s; echo command", files=files)
    assert result.out.split() == [
        *("10_a", "10_b", "2", "linked", "Z", "_x", "a.sh", "rc.local"),
        *("/run/dodai/service/s", "command"),
    ]
    assert "/etc/my_init.d/20_plain is skipped: not executable; run chmod +x on it" in result.err


def test_rc_local_counts_only_when_executable(engine: Engine, minimal: str) -> None:
    result = engine.run(minimal, INIT, "--", "true", files={"/etc/rc.local": File("#!/bin/sh\necho wrong\n", 0o644)})
    assert (result.code, result.out) == (0, "")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("#!/bin/sh\r\ntrue\r\n", 127, "CRLF"),
        ("#!/no/such/interpreter\n", 127, "'/no/such/interpreter' is missing"),
        (File("true\n", 0o755), 126, "no #! line"),
    ],
)
def test_a_startup_file_that_cannot_run_is_named_with_the_remedy(
    engine: Engine, minimal: str, content: str | File, code: int, words: str
) -> None:
    result = engine.run(minimal, INIT, "--", "echo", "never", files={"/etc/my_init.d/10_it": content})
    assert (result.code, result.out) == (code, "")
    assert "/etc/my_init.d/10_it" in result.err
    assert words in result.err


def test_another_directory_of_startup_files(engine: Engine, minimal: str) -> None:
    files = {"/etc/my_init.d/10": script("echo wrong"), "/app/boot/10": script("echo right")}
    run = engine.run(minimal, INIT, "--", "true", files=files, env={"ENV_INIT_DIRECTORY": "/app/boot"})
    assert run.out == "right\n"
    named = {**files, "/etc/container_environment/ENV_INIT_DIRECTORY": "/app/boot\n"}
    assert engine.run(minimal, INIT, "--", "true", files=named).out == "right\n"


def test_what_a_startup_file_leaves_behind_lives_on(engine: Engine, minimal: str) -> None:
    files = {"/etc/my_init.d/10": script("(sleep 0.3; echo late >/late) &")}
    result = engine.run(minimal, INIT, "--", "sh", "-c", "until [ -s /late ]; do sleep 0.02; done; cat /late", files=files)
    assert result.out == "late\n"


def test_a_startup_file_that_never_ends_keeps_what_comes_later_from_starting(engine: Engine, minimal: str) -> None:
    files = {
        "/etc/my_init.d/10": script("echo in; exec sleep 1000"),
        "/etc/service/s/run": script("echo service; exec sleep 1000"),
    }
    with engine.start(minimal, files=files) as container:
        container.wait_for("in\n")
        assert container.stop() == 0
        assert container.logs().out == "in\n"


def test_removed_startup_files_and_services_do_no_harm(engine: Engine, image: str) -> None:
    """Compat 11, E6: the Dockerfile lines that take the image's own parts out."""
    remove = "rm -rf /etc/my_init.d/* /etc/service/sshd /etc/service/syslog-ng /etc/service/cron"
    result = engine.run(image, "sh", "-c", f"{remove}; exec {INIT} -- echo done")
    assert (result.code, result.out) == (0, "done\n")


def test_a_one_shot_has_services_and_everything_after_the_first_word_is_its_own(engine: Engine, image: str) -> None:
    show = 'echo "$PPID"; printf "<%s>" "$@"; until sv status s 2>/dev/null | grep ^run:; do sleep 0.02; done'
    files = {"/etc/service/s/run": script("exec sleep 1000"), "/show": script(show)}
    given = ["--quiet", "", "a b", "--", "*", "$HOME", "ü", "'"]
    # Without "--", as the reference: the first word that is no option begins the command.
    for before in (["--"], [], ["--quiet"]):
        first, rest = engine.run(image, INIT, *before, "/show", *given, files=files).out.split("\n", 1)
        assert first == "1", "a process sits between my_init and the command"
        assert rest.startswith("".join(f"<{word}>" for word in given) + "run: ")
    assert engine.run(image, INIT, "--", "sh", "-c", 'echo "$#"', "x", "--", "y").out == "2\n"


def test_the_options_that_leave_something_out(engine: Engine, image: str) -> None:
    files = {"/etc/my_init.d/10": script("echo startup"), "/etc/service/s/run": script("echo service; exec sleep 1000")}
    without_files = engine.run(image, INIT, "--skip-startup-files", "--", "echo", "command", files=files)
    assert "startup" not in without_files.out
    assert "command" in without_files.out
    without_services = engine.run(image, INIT, "--skip-runit", "--", "sh", "-c", "pgrep -c runsv; echo command", files=files)
    assert without_services.out.split() == ["startup", "0", "command"]
    assert without_services.code == 0


def test_help_and_the_wrong_option(engine: Engine, minimal: str) -> None:
    told = engine.run(minimal, INIT, "--help")
    assert (told.code, told.err) == (0, "")
    for option in ALL_OPTIONS:
        assert option in told.out
    assert "unknown option '--quit'" in engine.run(minimal, INIT, "--quit", "--", "true").err


def test_the_insecure_key_is_for_one_container_and_loud(engine: Engine, image: str) -> None:
    show = "cat /root/.ssh/authorized_keys || echo none"
    result = engine.run(image, INIT, "--enable-insecure-key", "--", "sh", "-c", show)
    assert result.code == 0
    assert result.out.startswith("ssh-")
    assert "insecure" in result.err.lower()
    assert engine.run(image, INIT, "--", "sh", "-c", show).out == "none\n"


def test_stdout_is_the_commands_byte_for_byte(each_engine: Engine, image: str) -> None:
    """In the plain image, with its services up and a message that goes to the log."""
    blob = bytes(range(256)) * 64 + b"no newline at the end"
    command = "logger hello; until sv status cron 2>/dev/null | grep -q ^run: ; do sleep 0.02; done; cat"
    result = each_engine.run(image, INIT, "--", "sh", "-c", command, input=blob)
    assert (result.code, result.stdout) == (0, blob)
    assert " hello" in result.err
    for line in result.err.splitlines():
        assert line.startswith("*** ") or " hello" in line or " cron[" in line or line == "Terminated", line


def test_verbosity(engine: Engine, image: str) -> None:
    words = ["--", "true"]
    files = {"/etc/my_init.d/10": script("true")}
    normal = messages(engine.run(image, INIT, *words, files=files))
    assert "*** running /etc/my_init.d/10" in normal
    verbose = messages(engine.run(image, INIT, *words, files=files, env={"MY_INIT_VERBOSITY": "2"}))
    assert len(verbose) > len(normal)
    for quiet, env in ((["--quiet"], {}), ([], {"MY_INIT_VERBOSITY": "0"})):
        assert messages(engine.run(image, INIT, *quiet, *words, files=files, env=env)) == []
        failed = engine.run(image, INIT, *quiet, "--", "no-such", env=env)
        assert messages(failed) == ["*** cannot run 'no-such': not found in PATH"]


def test_no_fixed_sleep_before_the_first_service(engine: Engine, image: str) -> None:
    """Between the start of PID 1 and that of a service, in the kernel's ticks of 10 ms."""
    files = {
        "/etc/service/s/run": script("echo ticks $(cut -d' ' -f22 /proc/1/stat) $(cut -d' ' -f22 /proc/$$/stat); exec sleep 99")
    }

    def boot() -> float:
        with engine.start(image, files=files) as container:
            container.wait_for("ticks")
            first, service = (int(word) for word in container.logs().out.partition("ticks")[2].split()[:2])
            return (service - first) / 100

    assert clock.best(boot, 0.9) < 0.9


def test_no_fixed_sleep_in_a_one_shot(engine: Engine, image: str) -> None:
    """By the engine's own times, so that its work does not count."""

    def live() -> float:
        with engine.container(image, INIT, "--", "true") as container:
            container.start()
            assert container.exit_code() == 0
            return clock.ended(container) - clock.started(container)

    assert clock.best(live, 0.9) < 0.9


def test_my_init_as_the_child_of_a_shell_adopts_and_stops_its_own(engine: Engine, image: str) -> None:
    """compat 1: the shell form of CMD."""
    files = {
        "/orphans": ORPHANS,
        "/etc/service/s/run": script('trap "echo bye; exit" TERM; echo up; while :; do sleep 0.05; done'),
    }
    result = engine.run(image, "sh", "-c", "/sbin/my_init -- /orphans command; exit $?", files=files)
    assert "command: reaped" in result.out
    assert result.code == 0
    with engine.start(image, "sh", "-c", '/sbin/my_init & echo $! >/pid; wait; wait; echo "end $?"', files=files) as container:
        container.wait_for("up")
        container.sh("kill $(cat /pid)")
        container.wait_for("bye")
        assert container.exit_code() == 0


def test_a_machine_without_python_of_its_own_on_the_path(engine: Engine, minimal: str) -> None:
    """Neither the caller's PATH nor Python's variables reach into PID 1."""
    env = {"PATH": "/nowhere", "PYTHONPATH": "/evil", "PYTHONHOME": "/evil", "PYTHONSTARTUP": "/evil"}
    result = engine.run(minimal, INIT, "--", "/bin/sh", "-c", 'echo "$PATH $PYTHONPATH"', env=env)
    assert (result.code, result.out) == (0, "/nowhere /evil\n")


def test_the_engines_client_is_the_one_under_test() -> None:
    """A container that ends by itself gives `docker run` its code as well as `docker wait`."""
    name = f"dodai-test-direct-{os.getpid()}"
    image = os.environ.get("DODAI_TEST_IMAGE", "dodai:latest")
    done = subprocess.run(
        ["docker", "run", "--rm", "--name", name, image, "/sbin/my_init", "--", "sh", "-c", "exit 42"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (42, b"")
