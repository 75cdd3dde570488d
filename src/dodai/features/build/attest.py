"""The documents that go with an image: what it holds and how it came to be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from dodai.features.build import bootstrap, image_root, inventory, oci, plan, provenance, sbom


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """An image that was made: its plan, what it says about itself, and its parts."""

    build: plan.Plan
    description: oci.Description
    source: provenance.Source
    diff_id: str  # sha256:… of the uncompressed layer
    packages: tuple[inventory.Package, ...]
    root: Path  # the layer as a tar


def documents(made: Made, digest: str) -> dict[str, bytes]:
    """Return the documents by media type; `digest` (sha256:…) is of the image's manifest."""
    about = made.description
    licences = {name: sbom.licences(text) for name, text in image_root.copyrights(made.root).items()}
    subject = sbom.Subject(about.version, made.build.suite.title, made.diff_id, about.epoch, made.packages, licences)
    # Not how the packages were had: from the archive or by a lock, the same files are the same image.
    asked = {
        "architecture": about.architecture,
        "packages": made.build.packages,
        "sources": bootstrap.sources_text(made.build.sources),
        "suite": about.suite,
        "variant": about.variant,
        "without": about.without,
    }
    statement = provenance.statement(subject, made.source, asked, name=made.build.names[0], digest=digest)
    return {**sbom.documents(subject), provenance.MEDIA_TYPE: statement}
