"""`dodai push`: images into a registry, under tags that follow from the images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dodai import errors, paths
from dodai.features import provision
from dodai.features.build import layer
from dodai.features.push import layouts, make, registry, tags

HELP = """Push an image of ours to REGISTRY/NAME, under every tag that it has.

The tags follow from the image: 0.1.0-trixie, trixie-20260131 (never overwritten), trixie and latest; and so on for each suite
and variant. Layouts that dodai build -o wrote, one for each architecture, become one index; without --from the image is taken
from the engine.

Examples:

\b
  dodai push ghcr.io/team/dodai --from amd64 --from arm64
  dodai push 127.0.0.1:5000/dodai --image dodai:minimal --compression zstd
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("push", help=HELP, short_help="Push images to a registry.")(push)


def push(
    name: Annotated[str, typer.Argument(metavar="REGISTRY/NAME", show_default=False)],
    source: Annotated[
        list[Path] | None, typer.Option("--from", metavar="DIR", help="Push this OCI layout; once for each architecture.")
    ] = None,
    image: Annotated[str, typer.Option(metavar="NAME", help="Without --from: the engine's image.")] = paths.DEFAULT_IMAGE,
    compression: Annotated[
        str | None, typer.Option(help=f"Compress the layers anew: {', '.join(layer.COMPRESSIONS[:2])}. Digests change.")
    ] = None,
    retries: Annotated[int, typer.Option(min=0, help="How often to try again what the network breaks.")] = 3,
    digest_to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append digest=sha256:… there, as $GITHUB_OUTPUT takes it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the tags, and push nothing.")] = False,
) -> None:
    """Read what there is, join it, push it."""
    into = registry.Registry(name, retries=retries)
    if digest_to is not None and not digest_to.absolute().parent.is_dir():
        raise errors.UsageError(f'cannot write "{digest_to}": "{digest_to.parent}" is not a directory', hint="create it first")
    if compression is not None and compression not in layer.COMPRESSIONS[:2]:
        raise errors.UsageError(f'cannot compress with "{compression}"', hint="--compression gzip, or zstd")
    with into.ready(), make.workspace() as directory:
        work = Path(directory)
        places = source or [make.from_engine(provision.ready_engine(), image, work / "engine")]
        images = [layouts.read(place) for place in places]
        if dry_run:
            layouts.one_of_each(images)
            chosen = tags.rule(images[0].labels, images[0].config["created"])
            sys.stdout.write("".join(f"{name}:{tag}\n" for tag in (chosen.fixed, *chosen.moving)))
            return
        pushed = make.push(images, into, work, compression=compression)
    if digest_to is not None:
        with digest_to.open("a", encoding="utf-8") as file:
            file.write(f"digest={pushed.digest}\n")
    sys.stdout.write(f"{name}@{pushed.digest} ({', '.join(pushed.platforms)}): {' '.join(pushed.tags)}\n")
