"""An OCI layout that may be wrong in any place: its blobs with their digests, its images, what refers to them.

Whatever is found wrong is a finding, one line that names it, and reading goes on with the rest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dodai import errors

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_INDEX = "application/vnd.oci.image.index.v1+json"
_LARGEST = 64 << 20  # bytes of a document; layers are read in pieces


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """What is said about an image: its media type and its bytes."""

    media_type: str
    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """One image of the layout; `layers` are descriptors, `documents` what refers to it."""

    digest: str  # of the manifest, sha256:…
    platform: str  # linux/amd64
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    layers: tuple[Mapping[str, Any], ...]
    documents: tuple[Document, ...]


class Layout:
    """The layout in `directory`. `findings` has a line for everything that is wrong."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.findings: list[str] = []
        self._seen: set[str] = set()
        if not (directory / "oci-layout").is_file():
            raise errors.UsageError(
                f'cannot verify "{directory}": it is no OCI layout', hint="name a directory that dodai build -o has written"
            )

    def images(self) -> list[Image]:
        """Read everything; return the images that could be read."""
        try:
            index = json.loads((self.directory / "index.json").read_bytes())
            entries = [entry for entry in index["manifests"] if isinstance(entry, dict)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.findings.append(f"index.json cannot be read: {error}")
            return []
        read = {}
        for entry in self._flat(entries):
            # One image may have several names.
            if entry.get("digest") not in read and (manifest := self.document(entry)) is not None:
                read[entry["digest"]] = (entry, manifest)
        about = [manifest for _, manifest in read.values() if "subject" in manifest]
        images = [self._image(entry, manifest, about) for entry, manifest in read.values() if "subject" not in manifest]
        for manifest in about:
            if manifest["subject"].get("digest") not in read:
                self.findings.append(f"a document refers to {manifest['subject'].get('digest')}, which is not in the layout")
        self._unused()
        return [image for image in images if image is not None]

    def path(self, descriptor: Mapping[str, Any]) -> Path | None:
        """Return the blob of a descriptor when it is there and has its digest and size; else there is a finding."""
        digest = str(descriptor.get("digest"))
        if not _DIGEST.fullmatch(digest):
            self.findings.append(f'"{digest}" is no sha256 digest')
            return None
        path = self.directory / "blobs" / "sha256" / digest.removeprefix("sha256:")
        seen = digest in self._seen
        self._seen.add(digest)
        try:
            size = path.stat().st_size
            if not seen:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                if f"sha256:{found}" != digest:
                    self.findings.append(f"blob {digest} has the digest sha256:{found}")
                    return None
        except OSError as error:
            self.findings.append(f"blob {digest} cannot be read: {error.strerror}")
            return None
        if size != descriptor.get("size"):
            self.findings.append(f"blob {digest} has {size} bytes, and its descriptor says {descriptor.get('size')}")
            return None
        return path

    def document(self, descriptor: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return a blob that is a JSON object; None after a finding."""
        path = self.path(descriptor)
        if path is None:
            return None
        try:
            value = json.loads(path.read_bytes()) if path.stat().st_size <= _LARGEST else None
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self.findings.append(f"blob {descriptor['digest']} is no JSON object")
            return None
        return value

    def _flat(self, entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the manifests of an index, and those of indices in it."""
        for entry in entries:
            if entry.get("mediaType") != _INDEX:
                yield entry
            elif (nested := self.document(entry)) is not None:
                yield from self._flat([one for one in nested.get("manifests", []) if isinstance(one, dict)])

    def _image(self, entry: Mapping[str, Any], manifest: Mapping[str, Any], about: list[Mapping[str, Any]]) -> Image | None:
        config = self.document(manifest.get("config", {}))
        documents = []
        for other in about:
            if other["subject"].get("digest") == entry["digest"]:
                self.path(other.get("config", {}))
                for one in other.get("layers", []):
                    path = self.path(one)
                    if path is not None:
                        documents.append(Document(str(one.get("mediaType")), path.read_bytes()))
        if config is None:
            return None
        platform = f"{config.get('os')}/{config.get('architecture')}"
        for key, value in entry.get("platform", {}).items():
            if config.get(key) != value:
                self.findings.append(f"image {entry['digest']} is for {key} {config.get(key)}, and the index says {value}")
        return Image(entry["digest"], platform, manifest, config, tuple(manifest.get("layers", ())), tuple(documents))

    def _unused(self) -> None:
        """Name blobs that nothing refers to. Layers of images are looked at later and known by their descriptors."""
        known = {digest.removeprefix("sha256:") for digest in self._seen | self._layers()}
        for path in sorted((self.directory / "blobs" / "sha256").iterdir()):
            if path.name not in known:
                self.findings.append(f"blob sha256:{path.name} belongs to nothing")

    def _layers(self) -> set[str]:
        found: set[str] = set()
        for digest in self._seen:
            path = self.directory / "blobs" / "sha256" / digest.removeprefix("sha256:")
            if path.is_file() and path.stat().st_size < 1 << 20:
                try:
                    manifest = json.loads(path.read_bytes())
                    found.update(str(layer["digest"]) for layer in manifest.get("layers", []))
                except (ValueError, AttributeError, KeyError, TypeError):
                    continue
        return found
