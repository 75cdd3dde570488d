"""`dodai shell`, which is also `docker-bash`: into a running container."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dodai import errors
from dodai.features import reach

HELP = """Open a shell in CONTAINER, or run COMMAND there; exit with its code.

Goes over SSH, through the engine's exec and so without an address, when sshd runs in the container and lets us in; else says
why not and uses exec, with the container's environment. CONTAINER is a name or an ID, or the beginning of one, of Docker or
Podman. COMMAND's arguments arrive as they are: for a line of shell, write sh -c 'LINE'.

Examples:

\b
  {0} web
  {0} web sv status nginx
  {0} --user www-data web id
"""


def register(app: typer.Typer, name: str = "shell") -> None:
    """Add the command to the application; `name` is "docker-bash" when it is the whole of one."""
    app.command(
        name,
        help=HELP.replace("{0}", "docker-bash" if name == "docker-bash" else "dodai shell"),
        short_help="Open a shell in a running container, or run a command there.",
        context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]},
    )(shell)


def shell(
    container: Annotated[str, typer.Argument(show_default=False)],
    command: Annotated[list[str] | None, typer.Argument(show_default=False)] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="Who to be; root over SSH.")] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", "-i", metavar="FILE", help="The private key to use, and no other.")
    ] = None,
    by_exec: Annotated[bool, typer.Option("--exec", help="Use the engine's exec, not SSH.")] = False,
) -> None:
    """Find the container and go in."""
    if identity is not None and by_exec:
        raise errors.UsageError("cannot use a key with --exec")
    found = reach.find(container)
    raise typer.Exit(reach.enter(found, command or [], user=user, key=identity, by_exec=by_exec))
