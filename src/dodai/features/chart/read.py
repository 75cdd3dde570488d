"""The boot log of a container: asked of one that runs, taken out of one that has stopped."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from dodai import engine, errors, process

DODAICTL = "/usr/sbin/dodaictl"
#: Where my_init keeps its state; see the reference of my_init.
PLACES = ("/run/dodai", "/tmp/dodai-0")  # noqa: S108 - in the container

Event = dict[str, Any]


def events(wanted: str) -> tuple[str, list[Event]]:
    """The container's name and its events, oldest first.

    Raises ContainerNotFound, and ContainerError when there is no boot log to be had.
    """
    refusals: list[errors.EngineError] = []
    engines = list(engine.available(refusals))
    if not engines:
        engine.find()
    for found in engines:
        details = found.inspect(wanted)
        if details is not None:
            name = str(details["Name"]).removeprefix("/")
            text = _of_running(found, name) if details["State"].get("Running") else _of_stopped(found, name)
            return name, parse(text)
    kinds = " or ".join(found.kind for found in engines)
    hint = f"{engines[0].kind} ps --all lists what there is"
    raise errors.ContainerNotFound(f'cannot find the container "{wanted}": not known to {kinds}', hint=hint)


def parse(text: str) -> list[Event]:
    """The events of a boot log; a line that is torn, or no event, is left out."""
    found = []
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(event, dict) and isinstance(event.get("t"), int | float) and isinstance(event.get("event"), str):
            found.append(event)
    return found


def _of_running(found: engine.Engine, name: str) -> str:
    done = found.exec(name, [DODAICTL, "events"], doing=f'read the boot log of "{name}"', options=["--user=0"], check=False)
    if not done.ok:
        last = (done.stderr.strip().splitlines() or ["it has no dodaictl"])[-1].removeprefix("dodaictl: ")
        raise errors.ContainerError(
            f'cannot read the boot log of "{name}": {last}', hint="it must be built on Dodai and run /sbin/my_init"
        )
    return done.stdout


def _of_stopped(found: engine.Engine, name: str) -> str:
    """Out of the container's file system. What was on a tmpfs is gone."""
    for place in PLACES:
        texts = [_copied(found, f"{name}:{place}/{file}") for file in ("events.old", "events")]
        if texts[-1]:
            return "".join(texts)
    raise errors.ContainerError(
        f'cannot read the boot log of "{name}": it has stopped, and the log is not in its file system',
        hint="a log on a tmpfs ends with the container; while it runs it can be read",
    )


def _copied(found: engine.Engine, source: str) -> str:
    argv = found.command("cp", source, "-")
    done = process.run(argv, doing=f"copy {source}", check=False)
    if not done.ok:
        return ""
    # stdout is text with other bytes escaped: the archive itself again.
    with tarfile.open(fileobj=io.BytesIO(done.stdout.encode("utf-8", "surrogateescape"))) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member is not None else None
        return file.read().decode("utf-8", "replace") if file is not None else ""
