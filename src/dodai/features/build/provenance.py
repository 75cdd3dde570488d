"""How an image came to be: an in-toto statement with SLSA's provenance predicate.

https://in-toto.io/Statement/v1, https://slsa.dev/spec/v1.0/provenance. It has no time of the clock and no name of the machine:
the same image has the same provenance. It says what was asked for and every file of the archive that went in; who built it is
said by the signature on it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dodai import errors, process
from dodai.features.build import inventory, sbom

MEDIA_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:dodai:build:v1"
BUILDER = "urn:dodai:builder:v1"


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """What of ours the image was made from."""

    revision: str  # of git, with "-dirty" when something was changed; "" outside of a checkout
    digest: str  # of every path and byte under image/, in hexadecimal


def source(image: Path) -> Source:
    """Describe the directory image/."""
    return Source(revision(image), _digest(image))


def revision(image: Path) -> str:
    """Return the commit that image/ is of; "" where that cannot be known."""
    # The checkout may belong to another user, and git would ask for its configuration to be trusted.
    git = ["git", "-c", f"safe.directory={image.parent}", "-C", str(image.parent)]
    try:
        head = process.run([*git, "rev-parse", "--verify", "--quiet", "HEAD"], doing="learn the revision", check=False)
        if not head.ok:
            return ""
        ours = ["--", "image", "src/dodai"]
        changed = process.run([*git, "status", "--porcelain", *ours], doing="learn the revision", check=False)
    except errors.CommandFailed:
        return ""
    return head.stdout.strip() + ("-dirty" if changed.stdout.strip() or not changed.ok else "")


def statement(subject: sbom.Subject, made_from: Source, parameters: Mapping[str, object], *, name: str, digest: str) -> bytes:
    """Return the statement about the image `name` whose manifest has `digest` (sha256:…), made for `parameters`."""
    commit = {} if made_from.revision.endswith("-dirty") or not made_from.revision else {"gitCommit": made_from.revision}
    own = {"name": "image", "digest": {"sha256": made_from.digest, **commit}}
    value = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": dict(parameters),
                "internalParameters": {"SOURCE_DATE_EPOCH": subject.epoch, "version": subject.version},
                "resolvedDependencies": [own, *(_dependency(subject, one) for one in subject.packages if one.file)],
            },
            "runDetails": {"builder": {"id": BUILDER}, "metadata": {}},
        },
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _dependency(subject: sbom.Subject, package: inventory.Package) -> dict[str, Any]:
    return {"uri": sbom.purl(subject, package), "name": package.name, "digest": {"sha256": package.sha256}}


def _digest(image: Path) -> str:
    """Hash what a build reads of image/: paths, whether they can be run, contents, targets of links."""
    digest = hashlib.sha256()
    for entry in sorted(image.rglob("*")):
        name = entry.relative_to(image)
        if "__pycache__" in name.parts or name.parts[0] == "lock":
            continue
        if entry.is_symlink():
            digest.update(f"{name}\0link\0{entry.readlink()}\0".encode())
        elif entry.is_file():
            kind = "program" if entry.stat().st_mode & 0o100 else "file"
            digest.update(f"{name}\0{kind}\0".encode() + hashlib.sha256(entry.read_bytes()).digest())
    return digest.hexdigest()
