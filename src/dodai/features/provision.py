"""Installs what a machine lacks, asking nothing: Debian packages, an engine, a running Docker daemon.

Only as root, and only on Debian and its kin; anybody else gets the one line to run. Every step is named before it is done.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from dodai import engine, errors, output, paths, process

ENGINE_PROGRAMS = {"dockerd": "docker.io", "docker": "docker.io", "iptables": "iptables"}
LOCKS = Path("/run/lock")
SYSTEMD = Path("/run/systemd/system")  # sd_booted(3)
DAEMON_PID = Path("/var/run/docker.pid")
DAEMON_LOG = Path("/var/log/dodai-dockerd.log")
DAEMON_START_TIMEOUT = 60.0  # seconds; about 2 on a quiet machine
APT = ("apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300")
UNATTENDED = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def packages(programs: Mapping[str, str], *, purpose: str) -> None:
    """Install the Debian package of each program that is missing. A program with a slash is a file to look for.

    Raises ProvisionFailed with the line to run when we may not or it did not work.
    """
    names = missing(programs)
    if not names:
        return
    by_hand = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(names)}"
    if os.geteuid() != 0:
        raise errors.ProvisionFailed(f"cannot {purpose}: {', '.join(names)} not installed", hint=f"as root: {by_hand}")
    if process.which("apt-get") is None:
        raise errors.ProvisionFailed(
            f"cannot {purpose}: {', '.join(names)} not installed, and there is no apt-get", hint=f"install {' '.join(names)}"
        )
    with lock("apt"):
        # What another call installed while we waited is no longer missing.
        names = missing(programs)
        if names:
            _install(names, purpose, by_hand)


def missing(programs: Mapping[str, str]) -> list[str]:
    """The packages of those programs that are not there, each once, in order."""
    absent = [package for program, package in programs.items() if not _there(program)]
    return list(dict.fromkeys(absent))


def ready_engine() -> engine.Engine:
    """An engine that answers: Docker, else Podman; else Docker's daemon is started, installed first where it is missing.

    Raises EngineRefused when one is there that does not let us in, EngineMissing or ProvisionFailed when none can be had.
    """
    refusals: list[errors.EngineError] = []
    for found in engine.available(refusals):
        return found
    if not _may_start_docker(refusals):
        return engine.find()
    output.say("no container engine answers: making Docker ready")
    packages(ENGINE_PROGRAMS, purpose="reach a container engine")
    if process.which("docker") is None:
        # From Debian 13 on the client is a package of its own.
        packages({"docker": "docker-cli"}, purpose="reach a container engine")
    start_docker()
    return engine.find()


def start_docker() -> int | None:
    """Start Docker's daemon and wait until it answers; return its PID, or None when it ran already or an init system runs it.

    Raises EngineRefused with the daemon's own last words when it does not come up.
    """
    with lock("dockerd"):
        if _answers():
            return None
        if SYSTEMD.is_dir():
            output.say("starting Docker: systemctl start docker")
            process.run(["systemctl", "start", "docker"], doing="start Docker", timeout=DAEMON_START_TIMEOUT)
            _wait(None)
            return None
        if _daemon_lives():
            # Busy or still coming up. A second one would take its socket away before it noticed the first.
            _wait(None)
            return None
        # What a killed daemon left makes the next one refuse to start.
        DAEMON_PID.unlink(missing_ok=True)
        DAEMON_LOG.parent.mkdir(parents=True, exist_ok=True)
        output.say(f"starting dockerd in the background, since no init system runs it; its log is {DAEMON_LOG}")
        pid = process.background([process.which("dockerd") or "dockerd"], doing="start dockerd", log=DAEMON_LOG, env=_sbin())
        _wait(pid)
        return pid


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Let one process of this user on this machine at a time through; the lock goes with the process that holds it."""
    directory = LOCKS if os.geteuid() == 0 else paths.cache_dir()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"dodai-{name}.lock").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            output.say(f"waiting for another call that works on {name}")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _install(names: list[str], purpose: str, by_hand: str) -> None:
    with output.progress(f"installing {' '.join(names)}") as shown:
        try:
            if process.which("docker") is None or not Path("/var/lib/apt/lists").is_dir() or _lists_are_old():
                process.stream([*APT, "update"], doing="read the package lists", on_line=shown.update, env=UNATTENDED)
            process.stream(
                [*APT, "install", "--no-install-recommends", *names],
                doing=f"install {' '.join(names)}",
                on_line=shown.update,
                env=UNATTENDED | _sbin(),
            )
        except errors.CommandFailed as error:
            told = [line for line in error.tail if line.startswith(("E: ", "Err:"))]
            why = told[-1] if told else error.message
            raise errors.ProvisionFailed(f"cannot {purpose}: {why}", hint=f"look at: {by_hand}") from None


def _lists_are_old() -> bool:
    """Whether the package lists are missing or more than a day old: the mirror has dropped versions by then."""
    newest = max((entry.stat().st_mtime for entry in Path("/var/lib/apt/lists").glob("*Packages*")), default=0.0)
    return time.time() - newest > 86_400


def _there(program: str) -> bool:
    return Path(program).exists() if "/" in program else process.which(program) is not None


def _may_start_docker(refusals: list[errors.EngineError]) -> bool:
    """Whether an engine of our own making is what the user wants: not when another is named or keeps us out."""
    if os.environ.get("DODAI_ENGINE", engine.DOCKER) != engine.DOCKER or os.environ.get("DOCKER_HOST"):
        return False
    if any("permission denied" in refusal.message.lower() for refusal in refusals):
        return False
    return os.geteuid() == 0


def _answers() -> bool:
    try:
        return any(found.kind == engine.DOCKER for found in engine.available())
    except errors.DodaiError:
        return False


def _daemon_lives() -> bool:
    """Whether the process that the PID file names is a dockerd, and not one that got a dead daemon's PID."""
    try:
        pid = int(DAEMON_PID.read_text(encoding="ascii"))
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "dockerd"
    except (OSError, ValueError):
        return False


def _wait(pid: int | None) -> None:
    deadline = time.monotonic() + DAEMON_START_TIMEOUT
    with output.progress("waiting for Docker to answer"):
        while not _answers():
            if pid is not None and not process.alive(pid):
                raise errors.EngineRefused(f"cannot start dockerd: {_last_words()}", hint=f"look at {DAEMON_LOG}")
            if time.monotonic() > deadline:
                raise errors.EngineRefused(
                    f"cannot start Docker: no answer in {DAEMON_START_TIMEOUT:g} s", hint=f"look at {DAEMON_LOG}"
                )
            time.sleep(0.1)


def _last_words() -> str:
    try:
        lines = DAEMON_LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return next((line for line in reversed(lines) if line.strip()), "it ended without a word")


def _sbin() -> dict[str, str]:
    """The PATH with the sbin directories, where iptables and dockerd's helpers are."""
    return {"PATH": f"{os.environ.get('PATH', '/usr/bin:/bin')}:{process.SBIN}"}
