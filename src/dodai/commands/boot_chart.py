"""`dodai boot-chart`: a container's boot, and its stop, as a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dodai import errors
from dodai.features.chart import page, read, svg, timeline

HELP = """Draw what CONTAINER did while it booted and stopped: startup files, services and when they were ready, the command.

The picture needs nothing from elsewhere, and tells more where the pointer is. A stopped container can be drawn too, unless its
/run was a tmpfs.

Examples:

\b
  dodai boot-chart web
  dodai boot-chart web -o web.html
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("boot-chart", help=HELP, short_help="Draw a container's boot and stop.")(boot_chart)


def boot_chart(
    container: Annotated[str, typer.Argument(show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there, as .svg or .html; CONTAINER-boot.svg.")
    ] = None,
) -> None:
    """Read, draw, write, and print where."""
    if output is not None and output.suffix not in (".svg", ".html"):
        raise errors.UsageError(f'cannot draw "{output}"', hint="name a file that ends in .svg or .html")
    name, events = read.events(container)
    if not events:
        raise errors.ContainerError(f'cannot draw "{name}": its boot log is empty')
    target = output or Path(f"{name}-boot.svg")
    drawn = svg.draw(name, timeline.make(events))
    try:
        target.write_text(page.make(name, drawn) if target.suffix == ".html" else drawn, encoding="utf-8")
    except OSError as error:
        raise errors.UsageError(f'cannot write "{target}": {(error.strerror or str(error)).lower()}') from None
    sys.stdout.write(f"{target}\n")
