"""An image's layers, unpacked as they are read, and what is said about them compared with what is in them."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import gzip
import hashlib
import json
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from dodai import process
from dodai.features.build import inventory, provenance, sbom
from dodai.features.verify import layout

STATUS = "var/lib/dpkg/status"
_CHUNK = 1 << 20
_WHITEOUT = ".wh."
_CREATED = "org.opencontainers.image.created"


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """What a path of the image is, in a form that can be compared: type, mode, owner, time, target, sum."""

    kind: str
    mode: int
    owner: str
    time: int
    link: str
    sum: str


@dataclasses.dataclass(slots=True)
class Contents:
    """The image's tree after all layers, and the files that are asked for by name."""

    entries: dict[str, Entry]
    files: dict[str, bytes]


def read(found: layout.Layout, image: layout.Image, *, wanted: tuple[str, ...] = (STATUS,)) -> Contents | None:
    """Read all layers in order, compare each with its diff_id; None when one cannot be read, which is a finding."""
    contents = Contents({}, {})
    diff_ids = image.config.get("rootfs", {}).get("diff_ids", [])
    if len(diff_ids) != len(image.layers):
        found.findings.append(f"image {image.digest} has {len(image.layers)} layers and {len(diff_ids)} diff_ids")
        return None
    for descriptor, diff_id in zip(image.layers, diff_ids, strict=True):
        path = found.path(descriptor)
        if path is None:
            return None
        try:
            with _unpacked(path, str(descriptor.get("mediaType"))) as plain:
                _apply(plain, contents, wanted)
                digest = _sum(plain)
        except (tarfile.TarError, zlib.error, OSError, EOFError, ValueError) as error:
            found.findings.append(f"layer {descriptor['digest']} cannot be unpacked: {error}")
            return None
        if f"sha256:{digest}" != diff_id:
            found.findings.append(
                f"layer {descriptor['digest']} unpacks to sha256:{digest}, and the configuration says {diff_id}"
            )
            return None
    return contents


def check(found: layout.Layout, image: layout.Image, contents: Contents) -> None:
    """Compare what is said about the image with its contents; findings are added to the layout's."""
    installed = packages(contents)
    if not installed:
        found.findings.append(f"image {image.digest} has no {STATUS}")
    _times(found, image, contents)
    kinds = {one.media_type for one in image.documents}
    for kind, title in ((sbom.SPDX, "SPDX"), (sbom.CYCLONEDX, "CycloneDX"), (provenance.MEDIA_TYPE, "provenance")):
        if kind not in kinds:
            found.findings.append(f"image {image.digest} has no {title} document")
    sums: dict[str, str] = {}
    for one in image.documents:
        try:
            document = json.loads(one.data)
            if one.media_type in (sbom.SPDX, sbom.CYCLONEDX):
                _sbom(found, one.media_type, document, installed, sums)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found.findings.append(f"{one.media_type} document of {image.digest} cannot be read: {error!r}")
    for one in image.documents:
        if one.media_type == provenance.MEDIA_TYPE:
            try:
                _provenance(found, image, json.loads(one.data), sums)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                found.findings.append(f"provenance of {image.digest} cannot be read: {error!r}")


def packages(contents: Contents) -> dict[str, str]:
    """Return the installed packages with their versions, from dpkg's own list."""
    text = contents.files.get(STATUS, b"").decode("utf-8", "replace")
    return {
        fields["package"]: fields.get("version", "")
        for fields in inventory.stanzas(text)
        if fields.get("status", "").endswith(" installed") and "package" in fields
    }


def _sbom(
    found: layout.Layout, media_type: str, document: Mapping[str, Any], installed: Mapping[str, str], sums: dict[str, str]
) -> None:
    title = "SPDX" if media_type == sbom.SPDX else "CycloneDX"
    said = {}
    for name, version, digest in sbom.listed(media_type, document):
        said[name] = version
        if sums.setdefault(name, digest) != digest:
            found.findings.append(f'package "{name}": the two SBOMs differ in its sha256')
    for name in sorted(installed.keys() | said.keys()):
        there, named = installed.get(name), said.get(name)
        if there != named:
            found.findings.append(f'package "{name}": {there or "not"} installed, {named or "not"} in the {title} document')


def _provenance(found: layout.Layout, image: layout.Image, statement: Mapping[str, Any], sums: Mapping[str, str]) -> None:
    subjects = {f"sha256:{one['digest'].get('sha256')}" for one in statement["subject"]}
    if image.digest not in subjects:
        found.findings.append(f"provenance is about {', '.join(sorted(subjects))} and not about {image.digest}")
    used = {
        one["name"]: one["digest"]["sha256"]
        for one in statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        if one.get("uri", "").startswith("pkg:deb/")
    }
    expected = {name: digest for name, digest in sums.items() if digest}
    for name in sorted(used.keys() | expected.keys()):
        if used.get(name) != expected.get(name):
            found.findings.append(f'package "{name}": provenance and SBOM differ in its sha256')


def _times(found: layout.Layout, image: layout.Image, contents: Contents) -> None:
    created = str(image.config.get("created"))
    labels = image.config.get("config", {}).get("Labels") or {}
    for where, said in (("label", labels), ("annotation", image.manifest.get("annotations", {}))):
        if said.get(_CREATED) != created:
            found.findings.append(f"image {image.digest} was created {created}, and its {where} says {said.get(_CREATED)}")
    try:
        epoch = datetime.datetime.fromisoformat(created).timestamp()
    except ValueError:
        found.findings.append(f'image {image.digest} was created "{created}", which is no time')
        return
    for name, entry in contents.entries.items():
        if entry.time > epoch:
            found.findings.append(f'file "/{name}" is younger than the image')


def _apply(plain: BinaryIO, contents: Contents, wanted: tuple[str, ...]) -> None:
    with tarfile.open(fileobj=plain, mode="r:") as archive:
        for member in archive:
            name = member.name.removeprefix("./").strip("/")
            parent, _, last = name.rpartition("/")
            if last.startswith(_WHITEOUT):
                gone = f"{parent}/{last.removeprefix(_WHITEOUT)}".strip("/")
                for old in [old for old in contents.entries if old == gone or old.startswith(f"{gone}/")]:
                    del contents.entries[old]
                    contents.files.pop(old, None)
                continue
            data = archive.extractfile(member) if member.isreg() else None
            digest = hashlib.sha256()
            kept = []
            while data is not None and (chunk := data.read(_CHUNK)):
                digest.update(chunk)
                if name in wanted:
                    kept.append(chunk)
            if name in wanted:
                contents.files[name] = b"".join(kept)
            contents.entries[name] = Entry(
                member.type.decode("ascii", "replace"),
                member.mode,
                f"{member.uid}:{member.gid}",
                int(member.mtime),
                member.linkname,
                digest.hexdigest(),
            )


def _sum(plain: BinaryIO) -> str:
    plain.seek(0)
    digest = hashlib.sha256()
    while chunk := plain.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _unpacked(path: Path, media_type: str) -> Iterator[BinaryIO]:
    """Give the uncompressed layer as a file that can be read twice."""
    if media_type.endswith("+zstd"):
        with tempfile.TemporaryDirectory(prefix="dodai-verify-") as directory:
            plain = Path(directory) / "layer.tar"
            process.run(["zstd", "-q", "-d", "-o", plain, path], doing="unpack a layer")
            with plain.open("rb") as file:
                yield file
    elif media_type.endswith("+gzip"):
        with tempfile.TemporaryFile(prefix="dodai-verify-") as file, gzip.open(path) as packed:
            while chunk := packed.read(_CHUNK):
                file.write(chunk)
            file.seek(0)
            yield file
    else:
        with path.open("rb") as file:
            yield file
