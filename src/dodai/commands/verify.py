"""`dodai verify`: whether an OCI layout is what it says, and whether it is the same as another."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dodai import errors, output
from dodai.features.build import provenance, sbom, updates
from dodai.features.verify import compare, contents, layout

_FILES = {sbom.SPDX: "sbom.spdx.json", sbom.CYCLONEDX: "sbom.cdx.json", provenance.MEDIA_TYPE: "provenance.json"}
_SOURCES = ("etc/apt/sources.list.d/debian.sources", "etc/apt/sources.list.d/ubuntu.sources")


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("verify", short_help="Compute again what an OCI layout says about itself.")(verify)


def verify(
    directory: Annotated[Path, typer.Argument(metavar="LAYOUT", help="What dodai build -o has written.")],
    against: Annotated[
        Path | None, typer.Option(metavar="LAYOUT", help="Tell what another layout has otherwise, by file.")
    ] = None,
    pending: Annotated[
        bool, typer.Option("--updates", help="Ask the archive for security updates that the image lacks.")
    ] = False,
    extract: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the SBOMs and the provenance there, when all is well.")
    ] = None,
) -> int:
    """Compute again what an OCI layout says about itself: digests, sizes, contents, SBOMs, provenance.

    Exit code 0 when all of it is true, 1 when something is not, with a line for each thing.

    \b
    Examples:
        dodai verify oci
        dodai verify oci --against rebuilt
        dodai verify oci --updates
        dodai verify oci --extract documents
    """
    found = layout.Layout(directory)
    images = found.images()
    for image in images:
        read = contents.read(found, image, wanted=(contents.STATUS, *_SOURCES))
        if read is None:
            continue
        contents.check(found, image, read)
        if pending:
            found.findings += _pending(image, read)
    if not images:
        found.findings.append("there is no image in it")
    if against is not None:
        found.findings += compare.layouts(directory, against)
    for finding in dict.fromkeys(found.findings):
        sys.stdout.write(f"{finding}\n")
    if found.findings:
        return errors.FAILED
    for image in images:
        sys.stdout.write(f"{image.digest} {image.platform}: digests, contents, SBOMs and provenance agree\n")
        if extract is not None:
            _extract(image, extract)
    return errors.OK


def _pending(image: layout.Image, read: contents.Contents) -> list[str]:
    sources = "\n\n".join(read.files[name].decode() for name in _SOURCES if name in read.files)
    # Debian's names and Go's are the same for what is built.
    architecture = str(image.config.get("architecture"))
    found = updates.pending(read.files.get(contents.STATUS, b""), sources, architecture)
    if not found:
        output.say("security updates: none is missing")
    return [f"security update: {one}" for one in found]


def _extract(image: layout.Image, directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for one in image.documents:
            if one.media_type in _FILES:
                (directory / _FILES[one.media_type]).write_bytes(one.data)
            if one.media_type == provenance.MEDIA_TYPE:
                # cosign attest makes a statement of its own, and wants what stands in ours.
                predicate = json.dumps(json.loads(one.data)["predicate"], sort_keys=True)
                (directory / "predicate.json").write_text(predicate, encoding="utf-8")
    except OSError as error:
        raise errors.UsageError(f'cannot write into "{directory}": {error.strerror}', hint="name another directory") from None
