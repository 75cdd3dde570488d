"""Runs the image's own checks, `dodaictl lint`: in the image, or on a directory here.

A process of its own in both cases, since the guest's code is not ours to import. An image brings the checks that fit its
my_init; for a directory they are those of the image's sources that we have.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dodai import engine, errors, paths, process
from dodai.features.lint import finding

DODAICTL = "/usr/sbin/dodaictl"
_LAUNCH = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from guest.programs import dodaictl
sys.exit(dodaictl.main(sys.argv))
"""


def in_image(found: engine.Engine, image: str) -> list[finding.Finding]:
    """The findings in an image that the engine has. Raises UsageError when it is not built on Dodai, and EngineRefused."""
    argv = found.run_command(
        ["--rm", "--network=none", "--user=0", f"--entrypoint={DODAICTL}", "--no-healthcheck"], image, ["lint", "--json"]
    )
    done = process.run(argv, doing=f'look into "{image}"', check=False)
    if done.code == errors.NOT_FOUND or "unknown verb" in done.stderr:
        why = "it has no dodaictl" if done.code == errors.NOT_FOUND else "its dodaictl is too old for that"
        raise errors.UsageError(f'cannot check "{image}": {why}', hint="build it FROM an image of Dodai, or name a directory")
    if done.code not in (errors.OK, errors.FAILED) or not done.stdout:
        failed = errors.CommandFailed(f'look into "{image}"', argv, done.code, done.stderr.splitlines())
        raise found.refused(f'look into "{image}"', failed)
    return _read(done.stdout)


def in_directory(directory: Path) -> list[finding.Finding] | None:
    """The findings in a directory that is laid out like /, or holds services; None when it is neither."""
    library = paths.image_dir() / "rootfs" / "usr" / "lib" / "dodai"
    # -I -S as in the image; -B leaves no bytecode in our own sources.
    argv = [sys.executable, "-ISB", "-c", _LAUNCH, str(library), "lint", "--json", "--", str(directory)]
    done = process.run(argv, doing=f'look at "{directory}"', check=False)
    if done.code == errors.USAGE:
        return None
    if done.code not in (errors.OK, errors.FAILED):
        raise errors.CommandFailed(f'look at "{directory}"', argv, done.code, done.stderr.splitlines())
    return _read(done.stdout)


def _read(text: str) -> list[finding.Finding]:
    return [
        finding.Finding(one["id"], one["level"], one["path"], one["line"], one["why"], one["remedy"], one["docs"])
        for one in json.loads(text)["findings"]
    ]
