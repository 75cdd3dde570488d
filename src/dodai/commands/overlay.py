"""`dodai overlay`: my_init and the tools for an image of any Debian family that has Python and runit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dodai import errors, paths
from dodai.features import provision
from dodai.features.build import names, packages
from dodai.features.overlay import make

HELP = """Make dodai:overlay: my_init, setuser, install_clean, with_env and dodaictl, and nothing of Debian.

An image with python3-minimal and runit gets them with COPY --from=dodai:overlay / /, whatever its suite and architecture.

Examples:

\b
  dodai overlay
  dodai overlay --no-load -o overlay.tar
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("overlay", help=HELP, short_help="Make the init and tools for an image of your own.")(overlay)


def overlay(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there as a tar, for ADD.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Name the image so instead; may be repeated.")] = None,
    no_load: Annotated[bool, typer.Option("--no-load", help="Keep it out of the engine; none is needed then.")] = False,
) -> None:
    """Make it, load it, say what it is."""
    if no_load and output is None:
        raise errors.UsageError("cannot make an overlay for nowhere: --no-load leaves out the engine", hint="add -o FILE")
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise errors.UsageError(
            f'cannot write "{output}": it names no file in a directory that is there', hint="-o overlay.tar"
        )
    source = paths.image_dir()
    into = None if no_load else provision.ready_engine()
    chosen = tuple(names.check(one) for one in tag or make.NAMES)
    catalogue = packages.load(source / packages.FILE)
    made = make.make(catalogue, image=source, into=into, target=output and output.absolute(), names=chosen)
    sys.stdout.write(f"{chosen[-1]}, {made.size} bytes unpacked, layer {made.digest}\n")
