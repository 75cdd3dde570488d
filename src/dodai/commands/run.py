"""`dodai run`: one command in a container of its own, with init and services around it."""

from __future__ import annotations

from typing import Annotated

import typer

from dodai import engine, errors, paths, process
from dodai.features import images, provision, reach

HELP = """Run COMMAND in a new container, with its init and services; exit with its code.

The image is built first when there is none. The container is removed afterwards. A terminal is given when stdin and stdout are
one. TERM and INT reach the container, which stops in order.

Examples:

\b
  dodai run -- ls -l /
  dodai run -e TZ=Europe/Berlin -v "$PWD:/data" -- sh -c 'date; ls /data'
  dodai run --image my-web-app -p 8080:80 --name web -- sleep infinity
  echo hello | dodai run --image dodai:minimal cat
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "run",
        help=HELP,
        short_help="Run a command in a new container, with init and services.",
        # Everything from the first word on is the command's, its options too.
        context_settings={"allow_interspersed_args": False},
    )(run)


def run(
    command: Annotated[list[str], typer.Argument(show_default=False)],
    image: Annotated[str, typer.Option("--image", metavar="NAME", help="The image to run.")] = paths.DEFAULT_IMAGE,
    env: Annotated[list[str] | None, typer.Option("--env", "-e", metavar="NAME[=VALUE]", help="Set a variable.")] = None,
    env_file: Annotated[list[str] | None, typer.Option(metavar="FILE", help="Set variables from a file.")] = None,
    volume: Annotated[list[str] | None, typer.Option("--volume", "-v", metavar="FROM:TO", help="Mount a directory.")] = None,
    publish: Annotated[list[str] | None, typer.Option("--publish", "-p", metavar="PORT:PORT", help="Publish a port.")] = None,
    name: Annotated[str | None, typer.Option(help="Name the container.")] = None,
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="USER[:GROUP]", help="Run all of it as a user.")] = None,
    workdir: Annotated[str | None, typer.Option("--workdir", "-w", metavar="DIR", help="Where the command starts.")] = None,
    network: Annotated[str | None, typer.Option(metavar="NAME", help="The network to join.")] = None,
    hostname: Annotated[str | None, typer.Option(metavar="NAME", help="The container's host name.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", "-m", metavar="SIZE", help="Limit its memory.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Make its root read-only.")] = False,
    option: Annotated[
        list[str] | None,
        typer.Option("--engine-option", "-o", metavar="OPTION", help="Hand any other option to the engine's run."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the container when it has ended.")] = False,
    rm: Annotated[bool, typer.Option("--rm", help="Remove it when it has ended (as is done anyway).")] = False,
    tty: Annotated[bool, typer.Option("--tty", "-t", help="Give a terminal, also where there is none.")] = False,
    no_tty: Annotated[bool, typer.Option("--no-tty", "-T", help="Give no terminal.")] = False,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="Keep stdin open (as is done anyway).")] = False,
    init_quiet: Annotated[bool, typer.Option("--init-quiet", help="Let init say errors only.")] = False,
    skip_startup_files: Annotated[bool, typer.Option("--skip-startup-files", help="Skip /etc/my_init.d.")] = False,
    skip_runit: Annotated[bool, typer.Option("--skip-runit", help="Start no services.")] = False,
) -> None:
    """Put the engine's command line together and become it, so that signals and the exit code are the engine's."""
    if keep and rm:
        raise errors.UsageError("cannot both --keep and --rm the container")
    if not command[0]:
        raise errors.UsageError("cannot run a command with an empty name")
    found = provision.ready_engine()
    images.ensure(found, image)
    options = [] if keep else ["--rm"]
    options += reach.streams(tty=tty, no_tty=no_tty, interactive=interactive)
    for flag, values in (
        ("--env", env),
        ("--env-file", env_file),
        ("--volume", volume),
        ("--publish", publish),
        ("--name", [name]),
        ("--user", [user]),
        ("--workdir", [workdir]),
        ("--network", [network]),
        ("--hostname", [hostname]),
        ("--memory", [memory]),
    ):
        options += [f"{flag}={value}" for value in values or () if value is not None]
    options += ["--read-only"] if read_only else []
    options += option or []
    init = [
        flag
        for flag, wanted in (
            ("--quiet", init_quiet),
            ("--skip-startup-files", skip_startup_files),
            ("--skip-runit", skip_runit),
        )
        if wanted
    ]
    process.replace(command_line(found, options, image, init, command), doing=f'run "{command[0]}"')


def command_line(found: engine.Engine, options: list[str], image: str, init: list[str], command: list[str]) -> list[str]:
    """The engine's argument vector. An image's ENTRYPOINT makes way for init, as `docker run IMAGE /sbin/my_init` has it."""
    return found.run_command([*options, f"--entrypoint={paths.INIT}"], image, [*init, "--", *command])
