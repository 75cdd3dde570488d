"""`dodai status`: the services of all Dodai containers."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated

import typer

from dodai import errors, output
from dodai.features import glance

HELP = """Show the services of every running container that is built on Dodai, in each engine that answers.

Examples:

\b
  dodai status
  dodai status --watch
  dodai status --json
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("status", help=HELP, short_help="Show the services of all Dodai containers.")(status)


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, until ^C.")] = False,
    interval: Annotated[float, typer.Option(metavar="SECONDS", help="With --watch: how often to look.", min=0.2)] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look, and print."""
    if watch and as_json:
        raise errors.UsageError("cannot both --watch and print --json")
    if as_json:
        text = json.dumps({"containers": [one.members() for one in glance.take()]}, indent=2, ensure_ascii=False)
        sys.stdout.write(f"{text}\n")
        return
    from rich.console import Console  # so that a call that fails stays quick

    # Nothing is cut off in a file or a pipe.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    if not watch:
        seen = glance.take()
        if not seen:
            output.say("no container that is built on Dodai runs")
            return
        console.print(glance.table(seen))
        return
    from rich.live import Live

    try:
        with Live(glance.table(glance.take()), console=console, auto_refresh=False, screen=console.is_terminal) as live:
            while True:
                time.sleep(interval)
                live.update(glance.table(glance.take()), refresh=True)
    except KeyboardInterrupt:
        return  # the way to end it
