"""Finds a container and gets into it: over SSH where its sshd serves, else by the engine's exec.

SSH goes through the engine's exec (`sshd -i` at the other end of a pipe), never to an address: that works also with rootless
engines, `--network none`, a remote DOCKER_HOST and published-only ports, and nothing stands between the two ends. So there is
no host key to verify either, and a container that is made anew under its old name does not alarm.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dodai import engine, errors, output, paths, process

SSH_FAILED = 255  # ssh(1), EXIT STATUS: its own failure, or a command that exited so

# Tells of a container what decides how to get in: FACT or FACT VALUE a line. $1 is the user. sh only: any image has that.
_PROBE = """
for program in /usr/sbin/with_env /usr/sbin/setuser /usr/sbin/sshd /bin/bash; do
    [ -x "$program" ] && echo "has $program"
done
for process in /proc/[0-9]*; do
    name=
    read -r name 2>/dev/null <"$process/comm" || continue
    [ "$name" = sshd ] && { echo running; break; }
done
home=
while IFS=: read -r name _ _ _ _ directory _; do
    [ "$name" = "$1" ] && home=$directory
done </etc/passwd
for file in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
    [ -r "$file" ] || continue
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        '' | '#'*) ;;
        *) printf 'key %s\\n' "$line" ;;
        esac
    done <"$file"
done
:
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Container:
    """A running container. `identity` is its full ID; `name` is for people."""

    engine: engine.Engine
    identity: str
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What the probe found in a container; all empty where there is not even a shell."""

    programs: frozenset[str] = frozenset()
    sshd_runs: bool = False
    keys: tuple[str, ...] = ()


def find(wanted: str) -> Container:
    """The running container of that name or ID, or whose ID or name begins so, in whichever engine has it.

    Raises ContainerNotFound, ContainerAmbiguous, ContainerNotRunning, and the errors of `engine.find` when none answers.
    """
    if not wanted or wanted.startswith("-"):
        raise errors.UsageError(f'cannot look for a container named "{wanted}"')
    refusals: list[errors.EngineError] = []
    engines: list[engine.Engine] = []
    for found in engine.available(refusals):
        engines.append(found)
        details = _inspect(found, wanted)
        if details is not None:
            return _running(found, details)
    if not engines:
        engine.find()
    begins = [(found, *row) for found in engines for row in found.containers() if row[1].startswith(wanted)]
    if len(begins) > 1:
        raise _ambiguous(wanted, [name for _, _, name in begins])
    if begins:
        found, identity, name = begins[0]
        output.say(f'"{wanted}" is {name}')
        return Container(found, identity, name)
    kinds = [found.kind for found in engines]
    hint = " or ".join(f"{kind} ps --all" for kind in kinds) + " lists what there is"
    if refusals:
        hint += f"; another engine did not answer: {refusals[0].message}"
    raise errors.ContainerNotFound(f'cannot find the container "{wanted}": not known to {" or ".join(kinds)}', hint=hint)


def enter(
    container: Container, command: Sequence[str], *, user: str | None = None, key: Path | None = None, by_exec: bool = False
) -> int:
    """Open a shell in a container, or run a command with its arguments as they are; return its exit code.

    `key` is a private key to use instead of those that ssh finds; `by_exec` leaves SSH out. Raises KeyUnusable for a key that
    ssh would refuse.
    """
    if key is not None:
        check_key(key)
    facts = probe(container, user or "root")
    why_not = "" if by_exec else obstacle(container, facts, user or "root")
    if not by_exec and not why_not:
        code, why_not = _over_ssh(container, facts, command, user or "root", key)
        if not why_not:
            return code
    if why_not:
        output.say(f"{why_not}: using {container.engine.kind} exec")
    process.replace(exec_command(container, facts, command, user), doing=f'enter "{container.name}"')


def probe(container: Container, user: str) -> Facts:
    """Look into a container, as its root: only root may read another's authorized_keys."""
    script = ["/bin/sh", "-c", _PROBE, "dodai", user]
    done = container.engine.exec(
        container.identity, script, doing=f'look into "{container.name}"', options=["--user=0"], check=False
    )
    lines = [line.partition(" ")[::2] for line in done.stdout.splitlines()]
    return Facts(
        programs=frozenset(value for fact, value in lines if fact == "has"),
        sshd_runs=any(fact == "running" for fact, _ in lines),
        keys=tuple(value for fact, value in lines if fact == "key"),
    )


def obstacle(container: Container, facts: Facts, user: str) -> str:
    """Why SSH cannot serve here, or "" when it can."""
    name = container.name
    if process.which("ssh") is None:
        return "there is no ssh on this machine (package openssh-client)"
    if paths.SSHD not in facts.programs:
        return f"{name} has no sshd"
    if not facts.sshd_runs:
        return f"sshd does not run in {name}"
    if not facts.keys:
        return f"{name} has no authorised key for {user}"
    return ""


def exec_command(container: Container, facts: Facts, command: Sequence[str], user: str | None) -> list[str]:
    """The engine's argument vector, with the container's environment where it has the tool for that."""
    words = list(command) or (["/bin/bash", "-l"] if not facts.programs or "/bin/bash" in facts.programs else ["/bin/sh", "-l"])
    options = streams()
    if paths.WITH_ENV in facts.programs:
        if user is None:
            words = [paths.WITH_ENV, *words]
        elif "/usr/sbin/setuser" in facts.programs:
            # Only root may read the environment, so become the user after that.
            words = [paths.WITH_ENV, "/usr/sbin/setuser", user, *words]
            user = "0"
    if user is not None:
        options.append(f"--user={user}")
    return container.engine.exec_command(options, container.identity, words)


def ssh_command(
    container: Container,
    command: Sequence[str],
    *,
    user: str,
    key: Path | None,
    log: Path,
    entered: Path,
    config: bool,
) -> list[str]:
    """ssh's argument vector. It creates `entered` when it is let in and writes its own words to `log`.

    `config=False` leaves the user's configuration out, so that no identity but `key` is offered.
    """
    tunnel = shlex.join(
        container.engine.exec_command(["-i", "--user=0"], container.identity, [paths.SSHD, "-i", "-o", "LogLevel=ERROR"])
    )
    settings = {
        "ProxyCommand": tunnel.replace("%", "%%"),
        "HostKeyAlias": container.name,
        # The tunnel is the engine's own; see the docstring of this module.
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "GlobalKnownHostsFile": "/dev/null",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitLocalCommand": "yes",
        "LocalCommand": shlex.join(["touch", str(entered)]).replace("%", "%%"),
        "LogLevel": "ERROR",
        # A user's settings for every host must not turn this into something else.
        "ControlMaster": "no",
        "ControlPath": "none",
        "RemoteCommand": "none",
        "CanonicalizeHostname": "no",
        "ClearAllForwardings": "yes",
    }
    if key is not None:
        settings |= {"IdentitiesOnly": "yes", "IdentityAgent": "none"}
    words = ["ssh", *([] if config else ["-F", "none"]), "-E", str(log)]
    words += [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    words += ["-i", str(key)] if key is not None else []
    # By itself ssh gives a terminal to a shell but not to a command, and warns where there is none to give.
    words += ["-t"] if "-t" in streams() else ["-T"]
    words += ["-l", user, "--", container.name]
    # ssh joins its arguments with blanks and the shell over there reads the line: quoted, each arrives as it is.
    return [*words, shlex.join(command)] if command else words


def check_key(key: Path) -> None:
    """Refuse a private key that ssh would, in one line. Raises KeyUnusable."""
    try:
        status = key.stat()
        with key.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise errors.KeyUnusable(f'cannot use the key "{key}": {(error.strerror or str(error)).lower()}') from None
    if not head.startswith(b"-----BEGIN "):
        raise errors.KeyUnusable(
            f'cannot use the key "{key}": it is not a private key in OpenSSH form',
            hint="name the private half, not the .pub or .ppk file",
        )
    if status.st_uid == os.getuid() and status.st_mode & 0o077:
        raise errors.KeyUnusable(
            f'cannot use the key "{key}": others may read it (mode {status.st_mode & 0o777:04o})',
            hint=f"chmod 600 {shlex.quote(str(key))}",
        )


def streams(*, tty: bool = False, no_tty: bool = False, interactive: bool = False) -> list[str]:
    """-i unless stdin is closed; -t when stdin and stdout are terminals, since with one of them it would garble the other."""
    both = _is_terminal(0) and _is_terminal(1)
    words = ["-i"] if interactive or _is_open(0) else []
    return [*words, "-t"] if (tty or both) and not no_tty else words


def _over_ssh(container: Container, facts: Facts, command: Sequence[str], user: str, key: Path | None) -> tuple[int, str]:
    """The exit code and "", or why we were not let in: then nothing has run and stdin is untouched."""
    with tempfile.TemporaryDirectory(prefix="dodai-") as scratch:
        log, entered = Path(scratch, "log"), Path(scratch, "entered")
        config = True
        if key is None and _takes_insecure_key(facts):
            # It is let in for sure, while an agent with many keys would use up the tries that sshd allows.
            key, config = Path(scratch, "key"), False
            _copy_private(paths.insecure_key(), key)
        words = ssh_command(
            container, _in_environment(facts, command, user), user=user, key=key, log=log, entered=entered, config=config
        )
        ended = process.attached(words, doing=f'enter "{container.name}"')
        if entered.exists() or ended.code != SSH_FAILED:
            return ended.code, ""
        if ended.signal is not None:
            return errors.SIGNAL_BASE + ended.signal, ""
        said = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        last = next((line.strip() for line in reversed(said) if line.strip()), "no answer")
        if key is not None and config:
            raise errors.KeyUnusable(
                f'cannot enter "{container.name}" with the key "{key}": {last}',
                hint=f"authorise it in the container, in ~{user}/.ssh/authorized_keys",
            )
        return ended.code, f"sshd in {container.name} does not let us in ({last})"


def _in_environment(facts: Facts, command: Sequence[str], user: str) -> list[str]:
    """The command, or the login shell, with the container's environment, as exec gives it; only root may read that."""
    if user != "root" or paths.WITH_ENV not in facts.programs:
        return list(command)
    return [paths.WITH_ENV, *(command or (["/bin/bash", "-l"] if "/bin/bash" in facts.programs else ["/bin/sh", "-l"]))]


def _takes_insecure_key(facts: Facts) -> bool:
    try:
        blob = paths.insecure_key().with_suffix(".pub").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError, errors.ImageSourceMissing):
        return False
    return any(blob in key.split() for key in facts.keys)


def _copy_private(source: Path, target: Path) -> None:
    """ssh refuses a key that others can read, and neither git nor a wheel keeps the mode."""
    target.touch(mode=0o600)
    target.write_bytes(source.read_bytes())


def _inspect(found: engine.Engine, wanted: str) -> dict[str, Any] | None:
    try:
        return found.inspect(wanted)
    except errors.EngineRefused as error:
        if "multiple" in error.message.lower() or "more than one" in error.message.lower():
            begins = [name for identity, name in found.containers(everything=True) if identity.startswith(wanted)]
            raise _ambiguous(wanted, begins) from None
        raise


def _running(found: engine.Engine, details: dict[str, Any]) -> Container:
    name = str(details["Name"]).removeprefix("/")
    state = details["State"]
    if not state.get("Running"):
        raise errors.ContainerNotRunning(
            f'cannot enter "{name}": it is not running ({state.get("Status", "stopped")})', hint=f"{found.kind} start {name}"
        )
    if state.get("Paused"):
        raise errors.ContainerNotRunning(f'cannot enter "{name}": it is paused', hint=f"{found.kind} unpause {name}")
    return Container(found, str(details["Id"]), name)


def _ambiguous(wanted: str, names: Sequence[str]) -> errors.ContainerAmbiguous:
    return errors.ContainerAmbiguous(
        f'cannot tell which container "{wanted}" means: {", ".join(sorted(names))}', hint="give more of the name or ID"
    )


def _is_terminal(descriptor: int) -> bool:
    return _is_open(descriptor) and os.isatty(descriptor)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
