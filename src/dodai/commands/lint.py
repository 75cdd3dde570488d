"""`dodai lint`: the faults of a derived image, or of a directory that one is built from, each with its remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dodai import errors
from dodai.features import provision
from dodai.features.lint import check, finding, sarif

HELP = """Look for faults in an image built on Dodai, or in directories that one is built from.

A directory may be laid out like /, be a service or hold services, and have Dockerfiles. Exit code 1 when there is an error or a
warning.

Examples:

\b
  dodai lint my-image
  dodai lint . services
  dodai lint --sarif my-image >lint.sarif
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("lint", help=HELP, short_help="Find the faults of a derived image, or of a directory for one.")(lint)


def lint(
    targets: Annotated[list[str], typer.Argument(metavar="IMAGE|DIR…", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0.")] = False,
) -> None:
    """Check each target; what is a directory here is taken for one."""
    if as_json and as_sarif:
        raise errors.UsageError("cannot print both --json and --sarif")
    found = check.ordered([one for target in targets for one in _check(target)])
    if as_json:
        sys.stdout.write(json.dumps({"findings": [one.members() for one in found]}, indent=2, ensure_ascii=False) + "\n")
    elif as_sarif:
        sys.stdout.write(sarif.text(found) + "\n")
    else:
        sys.stdout.write("".join(text(one) for one in found))
    if any(one.level != finding.NOTE for one in found):
        raise typer.Exit(errors.FAILED)


def text(one: finding.Finding) -> str:
    """Two lines, the same as `dodaictl lint`."""
    line = f":{one.line}" if one.line else ""
    return f"{one.path}{line}: {one.level}: {one.why} [{one.rule}]\n    remedy: {one.remedy}\n"


def _check(target: str) -> list[finding.Finding]:
    path = Path(target)
    if path.is_dir():
        return check.directory(path)
    if target.startswith((".", "/")):
        raise errors.UsageError(f'cannot check "{target}": no such directory')
    return check.image(provision.ready_engine(), target)
