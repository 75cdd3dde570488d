"""The container engine, through its command line: Docker when it answers, else Podman when it is there.

Docker's client from 20.10 to 28 and Podman from 4.3 understand everything used here. Neither ever pulls: a name without a
registry must mean the local image, not a search of the network. DODAI_ENGINE=docker or =podman chooses one and only that.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dodai import errors, process

DOCKER = "docker"
PODMAN = "podman"
ANSWER_TIMEOUT = 20.0  # seconds; a daemon that is busy answers late, one that is gone refuses at once


@dataclasses.dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answered. `program` is what is run, `kind` is DOCKER or PODMAN."""

    kind: str
    program: str

    def command(self, *words: str) -> list[str]:
        """The argument vector of one of the engine's commands."""
        return [self.program, *words]

    def call(
        self, *words: str, doing: str, check: bool = True, timeout: float | None = None, input: bytes | None = None
    ) -> process.Done:
        """Run one of the engine's commands and capture what it prints. Raises EngineRefused with the engine's reason."""
        try:
            return process.run(self.command(*words), doing=doing, check=check, timeout=timeout, input=input)
        except errors.CommandFailed as error:
            raise self.refused(doing, error) from None

    def refused(self, doing: str, error: errors.CommandFailed) -> errors.EngineError:
        """Say in the engine's own words why it did not."""
        return errors.EngineRefused(f"cannot {doing}: {reason(error)}", hint=remedy(self.kind, reason(error)))

    def image_exists(self, reference: str) -> bool:
        """Whether the engine has the image locally."""
        return self.image_id(reference) is not None

    def image_id(self, reference: str) -> str | None:
        """The image's ID, "sha256:…", or None when the engine does not have it."""
        found = self._inspect("image", reference)
        if found is None:
            return None
        identity = str(found["Id"])
        return identity if identity.startswith("sha256:") else f"sha256:{identity}"

    def inspect(self, container: str) -> dict[str, Any] | None:
        """What the engine tells of a container (`inspect`), or None when it has none of that name or ID."""
        return self._inspect("container", container)

    def inspect_image(self, reference: str) -> dict[str, Any] | None:
        """What the engine tells of an image, or None when it has none of that name."""
        return self._inspect("image", reference)

    def load(self, archive: Path) -> list[str]:
        """Load a docker archive; return the names that it brought, as the engine prints them."""
        done = self.call("load", "-i", str(archive), doing=f'load "{archive}" into {self.kind}')
        names = [line.split(":", 1)[1].strip() for line in done.stdout.splitlines() if line.startswith("Loaded image")]
        # Podman 4 prints all names on one line, with commas.
        return [name.strip() for line in names for name in line.split(",") if name.strip()]

    def tag(self, image: str, reference: str) -> None:
        """Give an image another name."""
        self.call("tag", image, reference, doing=f'name the image "{reference}"')

    def run_command(self, options: Sequence[str], image: str, arguments: Sequence[str]) -> list[str]:
        """The argument vector that runs a container of a local image. Neither engine may pull in its place."""
        return self.command("run", "--pull=never", *options, image, *arguments)

    def exec_command(self, options: Sequence[str], container: str, arguments: Sequence[str]) -> list[str]:
        """The argument vector that runs a program in a running container."""
        return self.command("exec", *options, container, *arguments)

    def exec(
        self, container: str, arguments: Sequence[str], *, doing: str, options: Sequence[str] = (), check: bool = True
    ) -> process.Done:
        """Run a program in a running container and capture what it prints."""
        return self.call(*self.exec_command(options, container, arguments)[1:], doing=doing, check=check)

    def containers(self, *, everything: bool = False) -> list[tuple[str, str]]:
        """(full ID, name) of each running container, or of each that exists."""
        words = ["ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}", *(["--all"] if everything else [])]
        done = self.call(*words, doing="list the containers")
        rows = (line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
        return [(row[0], row[1].split(",")[0]) for row in rows]

    def _inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        done = self.call(kind, "inspect", "--", name, doing=f'look at the {kind} "{name}"', check=False)
        if done.ok:
            found = json.loads(done.stdout)
            return found[0] if found else None
        if any(words in done.stderr.lower() for words in ("no such", "not known", "no container with")):
            return None
        failed = errors.CommandFailed("", done.argv, done.code, done.stderr.splitlines())
        raise self.refused(f'look at the {kind} "{name}"', failed)


def find() -> Engine:
    """Docker when it answers, else Podman when it is there.

    Raises EngineMissing when neither is installed, EngineRefused when what is installed does not answer.
    """
    refusals: list[errors.EngineError] = []
    for found in available(refusals):
        return found
    if refusals:
        raise refusals[0]
    raise errors.EngineMissing(
        "cannot reach a container engine: neither docker nor podman is installed",
        hint="apt-get install -y --no-install-recommends docker.io iptables   (or podman)",
    )


def available(refusals: list[errors.EngineError] | None = None) -> Iterator[Engine]:
    """Each engine that answers, Docker first; why the others do not is added to `refusals`."""
    for kind in _wanted():
        program = process.which(kind)
        if program is None:
            continue
        engine = Engine(kind, program)
        try:
            _answer(engine)
        except errors.EngineError as error:
            if refusals is not None:
                refusals.append(error)
            continue
        yield engine


def reason(error: errors.CommandFailed) -> str:
    """The engine's own last words, without its prefixes."""
    lines = [line.strip() for line in error.tail if line.strip() and not line.startswith("See '")]
    if not lines:
        return error.message.partition(": ")[2] or error.message
    words = lines[-1]
    for line in lines:
        if "error" in line.lower() or "cannot" in line.lower() or "denied" in line.lower():
            words = line
    for prefix in ("docker: ", "Error response from daemon: ", "ERROR: ", "Error: "):
        words = words.removeprefix(prefix)
    return words.rstrip(".")


def remedy(kind: str, why: str) -> str:
    """What to do about a refusal; empty when the reason says it all."""
    low = why.lower()
    if "no space left" in low:
        return f"free some disk space: {kind} system df shows what takes it"
    if "permission denied" in low and "socket" in low:
        return "run as root, or as a member of the group docker"
    if "cannot connect" in low or "is the docker daemon running" in low:
        return "start the daemon: systemctl start docker, or dockerd & where no init system runs"
    return ""


def _wanted() -> tuple[str, ...]:
    chosen = os.environ.get("DODAI_ENGINE", "")
    if not chosen:
        return (DOCKER, PODMAN)
    if chosen not in (DOCKER, PODMAN):
        raise errors.UsageError(f'cannot use the engine "{chosen}" of DODAI_ENGINE', hint="DODAI_ENGINE=docker or =podman")
    return (chosen,)


def _answer(engine: Engine) -> None:
    """Docker's client works without its daemon, so ask the daemon; Podman has none and answers when it is called."""
    if engine.kind == DOCKER:
        engine.call("version", "--format", "{{.Server.Version}}", doing="reach Docker", timeout=ANSWER_TIMEOUT)
