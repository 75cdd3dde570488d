"""B12: one whole life, with startup file, service, command and hooks, where much is forbidden; Docker, Podman, rootless Podman.

The files are baked in, so that a read-only root can have them. The life must be the same everywhere.
"""

from __future__ import annotations

import dataclasses
import functools
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container import harness
from tests.container.harness import Engine, File, script

INIT = "/sbin/my_init"
LOOP = "while :; do sleep 0.02; done"
ALONE = "--network=none"  # a quarter of a container's start is its network

# The state directory is the one place that can always be written.
FILES: harness.Files = {
    "/etc/my_init.d/10": script("echo startup $(id -u)"),
    "/etc/service/s/run": script(f'trap "echo service-asked; exit 0" TERM; echo service-up; {LOOP}'),
    "/etc/my_init.pre_shutdown.d/10": script("echo pre"),
    "/etc/my_init.post_shutdown.d/10": script("echo post"),
    "/life": script(
        """
state=/run/dodai; [ -e $state/pid ] || state=/tmp/dodai-$(id -u)
until [ -s $state/service/s/supervise/pid ]; do sleep 0.01; done
until grep -qs '^state \\(ready\\|running\\)' $state/service/s/policy; do sleep 0.01; done
sleep 0.1
sv status s | cut -d: -f1
(sleep 0.01 &)
echo "$STATED"
exit 7"""
    ),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """What is forbidden, and as whom my_init then runs."""

    options: tuple[str, ...]
    uid: int = 0


READ_ONLY = ("--read-only",)
CASES = {
    "nothing forbidden": Case(()),
    "any user": Case(("--user=12345:12345",), 12345),
    "any user of gid 0": Case(("--user=12345:0",), 12345),
    "read-only with /run": Case((*READ_ONLY, "--tmpfs=/run")),
    "read-only with /tmp": Case((*READ_ONLY, "--tmpfs=/tmp:noexec")),
    "read-only with a noexec /run": Case((*READ_ONLY, "--tmpfs=/run:noexec,nosuid,nodev")),
    "no capability": Case(("--cap-drop=ALL",)),
    "without CAP_KILL": Case(("--cap-drop=KILL",)),
    "without CAP_SETUID": Case(("--cap-drop=SETUID",)),
    "without CAP_SETGID": Case(("--cap-drop=SETGID",)),
    "without CAP_CHOWN": Case(("--cap-drop=CHOWN",)),
    "without CAP_DAC_OVERRIDE": Case(("--cap-drop=DAC_OVERRIDE",)),
    "no new privileges": Case(("--security-opt=no-new-privileges",)),
    "another init": Case(("--init",)),
    "few processes": Case(("--pids-limit=20",)),
    "few descriptors": Case(("--ulimit=nofile=64:64",)),
    "many descriptors": Case(("--ulimit=nofile=20000:20000",)),
    "a restricted pod": Case(
        ("--user=12345:0", *READ_ONLY, "--tmpfs=/tmp:noexec", "--cap-drop=ALL", "--security-opt=no-new-privileges"), 12345
    ),
}
# Podman's --init needs catatonit; a rootless one has no cgroup of its own here.
PODMAN_CANNOT = {"another init"}
ROOTLESS_CANNOT = PODMAN_CANNOT | {"few processes"}


@pytest.fixture(scope="module")
def subject(engine: Engine, minimal: str) -> str:
    """The minimal image with the files above; EXPOSE and the like stay as they are."""
    names = [f"f{number}" for number in range(len(FILES))]
    copies = "".join(f"COPY {name} {path}\n" for name, path in zip(names, FILES, strict=True))
    context = {name: File(str(content), 0o755) for name, content in zip(names, FILES.values(), strict=True)}
    return engine.derived(f"{copies}ENV STATED='it is'", minimal, context)


def extra(engine: Engine, *options: str) -> tuple[str, ...]:
    """The options, and what Podman needs with them: it mounts its own /run and /tmp where the root is read-only, asks
    systemd for health checks, and where one limit is given takes its own defaults for the others, too high for us."""
    if engine.kind == harness.DOCKER:
        return (ALONE, *options)
    limits = ("--ulimit=nproc=32768:32768",) if any(option.startswith("--ulimit") for option in options) else ()
    return (ALONE, "--read-only-tmpfs=false", "--no-healthcheck", *limits, *options)


def live(engine: Engine, subject: str, case: Case) -> None:
    result = engine.run(subject, INIT, "--", "/life", options=extra(engine, *case.options), env={"STATED": "it is"})
    expected = [f"startup {case.uid}", "service-up", "run", "it is", "pre", "service-asked", "post"]
    assert (result.code, result.out.splitlines()) == (7, expected), result.log
    strange = [line for line in result.err.splitlines() if not line.startswith("*** ")]
    assert not strange, result.err
    assert "failed" not in result.err


@pytest.mark.parametrize("case", CASES)
def test_docker(engine: Engine, subject: str, case: str) -> None:
    live(engine, subject, CASES[case])


@pytest.mark.parametrize("case", [case for case in CASES if case not in PODMAN_CANNOT])
def test_podman(podman: Engine, subject: str, case: str) -> None:
    live(podman, subject, CASES[case])


class Rootless(Engine):
    """Podman of a plain user, who is made for this and removed after it, with everything of theirs in one directory."""

    def __init__(self, place: Path) -> None:
        super().__init__(harness.PODMAN)
        self.user = f"dodai-{harness.RUN}"
        self.place = place
        home = place / "home"
        subprocess.run(["useradd", "--no-create-home", "--home-dir", home, self.user], check=True)
        place.chmod(0o755)
        (home / ".config/containers").mkdir(parents=True)
        (home / ".config/containers/storage.conf").write_text('[storage]\ndriver = "overlay"\n')
        (place / "containers.conf").write_text(harness.CONTAINERS_CONF)
        (place / "run").mkdir()
        subprocess.run(["chown", "-R", self.user, home, place / "run"], check=True)
        variables = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(home),
            "XDG_RUNTIME_DIR": f"{place}/run",
            "CONTAINERS_CONF": f"{place}/containers.conf",
        }
        become = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "env", "-i"]
        words = [*become, *(f"{name}={value}" for name, value in variables.items()), self.program]
        wrapper = place / "podman"
        wrapper.write_text(f'#!/bin/sh\ncd / && exec {shlex.join(words)} "$@"\n')
        wrapper.chmod(0o755)
        self.program = str(wrapper)

    @functools.cache  # noqa: B019  (as the harness's)
    def ensure(self, image: str) -> None:
        """Docker's image, through a pipe: the harness's file is root's alone."""
        saved = Engine(harness.DOCKER).call("save", image, seconds=120).stdout
        self.call("load", input=saved, seconds=120)

    def remove(self) -> None:
        """The user, their processes (Podman keeps one for its namespace) and their files."""
        self.call("system", "reset", "--force", check=False, seconds=60)
        self.call("system", "migrate", check=False)  # ends the process that keeps the namespace
        subprocess.run(["userdel", "--force", self.user], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.place, ignore_errors=True)


@pytest.fixture(scope="module")
def rootless() -> Iterator[Engine]:
    one = Rootless(Path(tempfile.mkdtemp(prefix="dodai-test-rootless-")))
    try:
        yield one
    finally:
        one.remove()


@pytest.mark.parametrize("case", [case for case in CASES if case not in ROOTLESS_CANNOT])
def test_rootless_podman(rootless: Engine, subject: str, case: str) -> None:
    live(rootless, subject, CASES[case])


def test_nothing_that_can_be_written_is_a_clear_refusal(each_engine: Engine, subject: str) -> None:
    result = each_engine.run(subject, INIT, "--", "/life", options=extra(each_engine, *READ_ONLY))
    assert (result.code, result.out) == (70, "")
    assert result.err.startswith("*** cannot keep state (/run/dodai: read-only file system; /tmp/dodai-0: ")
    assert result.err.endswith("--tmpfs /run\n")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_a_shared_pid_namespace_leaves_the_bystander_untouched(each_engine: Engine, subject: str, signal: str) -> None:
    """--pid container:X: the stop, orderly or not, of the one touches nobody of the other."""
    witness = f'for name in TERM CONT HUP USR1; do trap "echo got-$name" $name; done; sleep 1000 & echo "child $!"; {LOOP}'
    with each_engine.start(subject, "sh", "-c", witness, options=extra(each_engine)) as bystander:
        bystander.wait_for("child")
        child = bystander.logs().out.split()[1]
        options = extra(each_engine, f"--pid=container:{bystander.name}")
        with each_engine.start(subject, options=options) as guest:
            guest.wait_for("service-up")
            assert "not PID 1" not in guest.logs().err
            guest.signal(signal)
            assert guest.exit_code() == (0 if signal == "TERM" else 137)
            if signal == "TERM":
                assert "service-asked" in guest.logs().out
        assert bystander.running()
        assert "got-" not in bystander.logs().out
        bystander.sh(f"kill -0 {child}")


def test_a_service_that_is_killed_for_want_of_memory_comes_back(engine: Engine, subject: str) -> None:
    hungry = script("echo up; [ -e /run/ate ] || { touch /run/ate; exec tail -c 1G /dev/zero >/dev/null; }; exec sleep 1000")
    options = [ALONE, "--memory=32m", "--memory-swap=32m"]
    with engine.start(subject, options=options, files={"/etc/service/hungry/run": hungry}) as container:
        container.wait_for(lambda: container.logs().out.splitlines().count("up") == 2)
        assert container.stop() == 0
        assert "service-asked" in container.logs().out


def test_more_processes_than_are_allowed(engine: Engine, subject: str) -> None:
    """A fork bomb of a service takes every process there is; the stop is orderly all the same."""
    # A shell would end at the first fork that fails, and what it left would be ended with it.
    grow = "while (1) { my $pid = fork; if (!defined $pid) { sleep 1 } elsif (!$pid) { exec 'sleep', '1000' } }"
    bomb = script(f'echo up; exec perl -e "{grow}"'.replace("$", "\\$"))
    with engine.start(subject, options=[ALONE, "--pids-limit=40"], files={"/etc/service/bomb/run": bomb}) as container:
        container.wait_for("up")
        container.wait_for(lambda: container.exec("sh", "-c", "true &", check=False).code != 0)
        assert container.stop() == 0


def test_a_paused_container_goes_on(each_engine: Engine, subject: str) -> None:
    with each_engine.start(subject, options=extra(each_engine)) as container:
        container.wait_for("service-up")
        each_engine.call("pause", container.name)
        each_engine.call("unpause", container.name)
        assert container.sh("sv status s | cut -d: -f1") == "run"
        assert container.stop() == 0
        assert "service-asked" in container.logs().out


def test_a_killed_system_logger_comes_back_and_takes_messages(engine: Engine, image: str) -> None:
    with engine.start(image, options=[ALONE]) as container:
        container.sh("dodaictl ready --wait 20")
        _logs(container, "before")
        for number, pattern in enumerate(("/usr/sbin/syslog-ng", "runsv .*/syslog-ng")):
            container.sh(f"pkill -KILL -f '^{pattern}'")
            _logs(container, f"after-{number}")
        container.wait_for(lambda: container.sh("pgrep -c -f '^/usr/sbin/syslog-ng'") == "1")
        assert container.stop() == 0


def _logs(container: harness.Container, word: str) -> None:
    """A message arrives, once the socket is there again."""

    def arrived() -> bool:
        container.sh(f"logger {word}", check=False)
        return word.encode() in container.read("/var/log/syslog")

    container.wait_for(arrived)
