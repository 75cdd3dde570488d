"""What a build tells about its packages: what changed since the lock, and which security updates are there by now."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dodai import errors, output
from dodai.features.build import bootstrap, image_root, inventory, lock, plan, updates

_SHOWN = 20  # lines; a new point release changes many packages


def since(kept: lock.Lock, build: plan.Plan, installed: tuple[inventory.Package, ...]) -> None:
    """Say what the image has otherwise than the lock."""
    found = inventory.difference(kept.packages, [one for one in installed if one.file])
    if (kept.variant, kept.without) != (build.variant, build.without):
        # Another variant's packages are not gone, and its lock does not know all of ours.
        found = dataclasses.replace(found, added=(), removed=())
    if not found:
        output.say(f"packages: the same as in the lock of {kept.day}")
        return
    count = len(found.changed) + len(found.added) + len(found.removed)
    output.say(f"packages: {count} changed since the lock of {kept.day}")
    _list(found.lines())


def security(build: plan.Plan, root: Path, architecture: str) -> None:
    """Say which security updates the image lacks. A mirror out of reach is no fault of a build that did not need it."""
    try:
        status = image_root.read(root, "./var/lib/dpkg/status")
        found = updates.pending(status, bootstrap.sources_text(build.sources), architecture)
    except errors.MirrorUnreachable as error:
        output.say(f"security updates: not known: {error.message}")
        return
    if not found:
        output.say("security updates: none is missing")
        return
    output.warn(f"security updates: {len(found)} are missing; build without --locked, or make a new lock: --lock")
    _list([str(one) for one in found])


def _list(lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        output.say(f"  {line}")
    if len(lines) > _SHOWN:
        output.say(f"  and {len(lines) - _SHOWN} more")
