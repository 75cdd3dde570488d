"""`dodai fresh`: whether what a registry has is young enough to be trusted to have its security updates."""

from __future__ import annotations

import datetime
import sys
from typing import Annotated

import typer

from dodai import errors
from dodai.features.push import registry


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("fresh", short_help="Check the age of an image in a registry.")(fresh)


def fresh(
    name: Annotated[str, typer.Argument(metavar="REGISTRY/NAME", show_default=False)],
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="Look at this tag; may be repeated.")] = None,
    days: Annotated[int, typer.Option(min=1, help="How old the image may be, in days.")] = 8,
    retries: Annotated[int, typer.Option(min=0, help="How often to try again what the network breaks.")] = 3,
) -> None:
    """Exit with 1 when an image in a registry is older than it may be.

    Its age is that of the package archive it was built from, as the image itself says.
    """
    where = registry.Registry(name, retries=retries)
    old = []
    with where.ready():
        for one in tag or ["latest"]:
            age = age_in_days(where.created(one), datetime.datetime.now(datetime.UTC))
            sys.stdout.write(f"{name}:{one} is {age:.1f} days old\n")
            if age >= days:
                old.append(one)
    if old:
        raise errors.DodaiError(
            f'cannot call "{name}:{old[0]}" fresh: it is {days} days old or more',
            hint="run the weekly rebuild, and see why it did not",
        )


def age_in_days(created: str, now: datetime.datetime) -> float:
    """How long ago something was made, by what skopeo prints: 2026-01-31 02:03:04 +0000 UTC, or RFC 3339."""
    text = created.removesuffix(" UTC").replace(" +", "+").replace("Z", "+00:00")
    made = datetime.datetime.fromisoformat(text)
    return (now - made).total_seconds() / 86_400
