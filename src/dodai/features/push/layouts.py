"""OCI layouts as they are pushed: the images of several, one for each platform, joined into one index.

Facts are from the OCI image specification 1.1 (image-layout.md, image-index.md). What refers to an image (its SBOM, its
provenance) stays in the layout: skopeo copies images alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dodai import errors

INDEX = "application/vnd.oci.image.index.v1+json"
_SAME = (
    "org.opencontainers.image.version",
    "org.opencontainers.image.revision",
    "dodai.suite",
    "dodai.variant",
    "dodai.without",
)
_REF = "org.opencontainers.image.ref.name"


@dataclasses.dataclass(frozen=True, slots=True)
class Image:
    """One image of a layout. `descriptor` is that of its manifest, with its platform."""

    directory: Path
    descriptor: Mapping[str, Any]
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """sha256:… of the manifest."""
        return str(self.descriptor["digest"])

    @property
    def platform(self) -> str:
        """linux/arm64, linux/arm/v7 …"""
        given = self.descriptor["platform"]
        return "/".join(str(given[word]) for word in ("os", "architecture", "variant") if given.get(word))

    @property
    def identity(self) -> tuple[object, ...]:
        """What the images of one build have in common on every architecture."""
        return (self.config.get("created"), *(self.labels.get(name) for name in _SAME))

    @property
    def labels(self) -> Mapping[str, str]:
        """What the image says about itself."""
        return (self.config.get("config") or {}).get("Labels") or {}


def read(directory: Path) -> Image:
    """Read the one image of a layout. Raises errors.UsageError when there is none, or more than one."""
    try:
        index = json.loads((directory / "index.json").read_bytes())
        found: dict[str, Image] = {}
        for entry in index["manifests"]:
            manifest = _load(directory, entry)
            if "subject" in manifest:
                continue
            config = _load(directory, manifest["config"])
            platform = entry.get("platform") or {word: config[word] for word in ("architecture", "os")}
            described = {word: entry[word] for word in ("digest", "mediaType", "size")} | {"platform": platform}
            found[entry["digest"]] = Image(directory, described, manifest, config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise errors.UsageError(
            f'cannot push "{directory}": it is no whole OCI layout ({error})', hint="name what dodai build -o has written"
        ) from None
    if len(found) != 1:
        raise errors.UsageError(
            f'cannot push "{directory}": it has {len(found)} images', hint="one layout for each architecture: --from A --from B"
        )
    return next(iter(found.values()))


def one_of_each(images: Sequence[Image]) -> None:
    """Raise errors.UsageError unless the images are one for several platforms, and each platform is there once."""
    first = images[0]
    for at, image in enumerate(images):
        if image.identity != first.identity:
            raise errors.UsageError(
                f'cannot join "{first.directory}" and "{image.directory}": they are not one build for two architectures',
                hint="build both from the same packages: SOURCE_DATE_EPOCH, and the same suite and variant",
            )
        if image.platform in {other.platform for other in images[:at]}:
            raise errors.UsageError(
                f'cannot join the layouts: "{image.directory}" is a second image for {image.platform}', hint="name one for each"
            )


def join(images: Sequence[Image], target: Path, *, tag: str) -> str:
    """Write a layout into the new directory `target` whose `tag` is the index of the images; return the index's digest."""
    blobs = target / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for image in images:
        _take_blobs(image.directory, blobs)
    descriptors = sorted((dict(image.descriptor) for image in images), key=lambda one: json.dumps(one, sort_keys=True))
    index = _index(blobs, descriptors)
    entry = index | {"annotations": {_REF: tag}}
    (target / "index.json").write_bytes(_encode({"manifests": [entry], "mediaType": INDEX, "schemaVersion": 2}))
    (target / "oci-layout").write_bytes(_encode({"imageLayoutVersion": "1.0.0"}))
    return str(index["digest"])


def _take_blobs(directory: Path, blobs: Path) -> None:
    for blob in (directory / "blobs" / "sha256").iterdir():
        place = blobs / blob.name
        if place.exists():
            continue
        try:
            os.link(blob, place)
        except OSError:  # another file system
            shutil.copyfile(blob, place)


def _index(blobs: Path, descriptors: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    data = _encode({"manifests": list(descriptors), "mediaType": INDEX, "schemaVersion": 2})
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "mediaType": INDEX, "size": len(data)}


def _load(directory: Path, descriptor: Mapping[str, Any]) -> dict[str, Any]:
    algorithm, _, digest = descriptor["digest"].partition(":")
    data = (directory / "blobs" / algorithm / digest).read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"{descriptor['digest']} has other bytes")
    loaded: dict[str, Any] = json.loads(data)
    return loaded


def _encode(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
