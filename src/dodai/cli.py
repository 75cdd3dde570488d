"""The command `dodai`: options are read here, the work is done in `dodai.commands`, failures become exits.

Commands are modules of `dodai.commands` with a function `register(app)`; they are found by name in COMMANDS, and one that an
installation lacks is left out of the help.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import dodai
from dodai import entry, output

COMMANDS = (
    "build",
    "verify",
    "run",
    "shell",
    "status",
    "boot_chart",
    "lint",
    "size",
    "overlay",
    "push",
    "fresh",
)

EPILOG = "Examples:  dodai run -- ls -l /   ·   dodai build --variant minimal   ·   dodai shell web"


def application() -> typer.Typer:
    """The whole application; made anew at each call, so that tests can."""
    app = typer.Typer(
        name="dodai",
        help="Build a Debian image made fit for containers, run commands in it, look inside its containers.",
        epilog=EPILOG,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_options)
    for name in COMMANDS:
        try:
            module = importlib.import_module(f"dodai.commands.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"dodai.commands.{name}":
                raise
            continue
        module.register(app)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run `dodai` with these arguments (sys.argv's by default) and return its exit code."""
    return entry.run("dodai", application, argv)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"dodai {dodai.__version__}\n")
        raise typer.Exit


def _options(
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show each command that is run, ready to paste.")] = False,
    version: Annotated[  # noqa: ARG001 - the callback does it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if quiet:
        output.set_level(output.QUIET)
    elif verbose:
        output.set_level(output.VERBOSE)
