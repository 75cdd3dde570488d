"""The command `docker-bash`: `dodai shell` under the name that people know."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

import dodai
from dodai import entry
from dodai.commands import shell


def main(argv: Sequence[str] | None = None) -> int:
    """Run `docker-bash` with these arguments (sys.argv's by default) and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        sys.stdout.write(f"docker-bash of dodai {dodai.__version__}\n")
        return 0
    return entry.run("docker-bash", application, arguments)


def application() -> typer.Typer:
    """An application of one command, which needs no name of its own."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    shell.register(app, "docker-bash")
    return app
