"""`dodai build`: the image from Debian's packages, with no registry and, if wanted, no engine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dodai import engine, errors, paths
from dodai.features import provision
from dodai.features.build import execute, layer, names, packages, plan


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("build", short_help="Build the image and load it into the engine.")(build)


def build(
    variant: Annotated[
        str, typer.Option(help="default: with syslog, cron, sshd and small tools; minimal: init and services only.")
    ] = (names.DEFAULT_VARIANT),
    suite: Annotated[str, typer.Option(help="Release to build from, one of image/packages.toml.")] = names.DEFAULT_SUITE,
    without: Annotated[
        str, typer.Option(metavar="LIST", help=f"Services to leave out, with commas: {','.join(names.SERVICES)}.")
    ] = "",
    arch: Annotated[
        str | None,
        typer.Option(metavar="ARCH", help="Build for this architecture, by Debian's name: arm64 …  [this machine's]"),
    ] = None,
    mirror: Annotated[str | None, typer.Option(metavar="URL", help="Where packages come from, now and in the image.")] = None,
    security_mirror: Annotated[str | None, typer.Option(metavar="URL", help="The same for the security archive.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="Write an OCI layout there.")] = None,
    archive: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an archive for `docker load` there.")] = None,
    no_load: Annotated[bool, typer.Option("--no-load", help="Keep it out of the engine; none is needed then.")] = False,
    tag: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Name the image so instead; may be repeated.")] = None,
    compression: Annotated[str, typer.Option(help=f"Of the layer in the OCI layout: {', '.join(layer.COMPRESSIONS)}.")] = (
        layer.COMPRESSIONS[0]
    ),
    lock: Annotated[bool, typer.Option("--lock", help="Write down which packages it was made of, and their sums.")] = False,
    locked: Annotated[bool, typer.Option("--locked", help="Build from the packages of the lock, and no others.")] = False,
    lock_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The lock, instead of image/lock/SUITE-ARCHITECTURE.lock.")
    ] = None,
    pool: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the lock's .debs there, fetched once.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Install the packages anew, and do not keep them.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done and why, and do nothing.")] = False,
) -> None:
    """Build the image from Debian's packages and load it into the container engine.

    The same packages give the same bytes. Its times come from the date of the archive, or from SOURCE_DATE_EPOCH.
    """
    source = paths.image_dir()
    request = plan.Request(
        suite=suite,
        variant=variant,
        without=tuple(word for word in without.split(",") if word),
        architecture=arch,
        mirror=mirror,
        security_mirror=security_mirror,
        output=output.absolute() if output else None,
        archive=archive.absolute() if archive else None,
        load=not no_load,
        tags=tuple(tag or ()),
        compression=compression,
        cache=not no_cache,
        lock=lock,
        locked=locked,
        lock_file=lock_file.absolute() if lock_file else None,
        pool=pool.absolute() if pool else None,
    )
    made = plan.make(request, packages.load(source / packages.FILE))
    if dry_run:
        sys.stdout.write("".join(f"{number}. {step.what}\n   why: {step.why}\n" for number, step in enumerate(made.steps, 1)))
        return
    # First of all: to learn after a minute that nothing can take the image would be a minute lost.
    into = _engine() if made.load else None
    built = execute.execute(made, image=source, load_into=into)
    sys.stdout.write(report(made, built) + "\n")


def report(made: plan.Plan, built: execute.Built) -> str:
    """Return one line: the name, what it weighs, its digest, how long it took."""
    words = [made.names[-1], f"{built.unpacked} bytes unpacked"]
    if built.layout is not None:
        words += [f"{built.layout.size} bytes of layer ({made.compression})", f"manifest {built.layout.digest}"]
    if built.image_id:
        words.append(f"image {built.image_id}")
    return ", ".join([*words, f"{built.seconds:.1f} s"])


def _engine() -> engine.Engine:
    """Find the engine to load into; who has none is told that a build needs none."""
    try:
        return provision.ready_engine()
    except errors.EngineError as error:
        error.hint = f"{error.hint}; or build without one: --no-load -o DIR".removeprefix("; or ")
        raise
