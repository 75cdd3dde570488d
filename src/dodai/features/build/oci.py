"""The image configuration and the OCI layout on disk.

Facts are from the OCI image specification 1.1 (image-layout.md, config.md, manifest.md, annotations.md).
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dodai.features.build import layer

TITLE = "Dodai"
DESCRIPTION = "A Debian image made fit for containers, with a PID 1 of its own"
LICENSES = "MIT"
BASE = "scratch"  # what Docker's official images say that are made of packages, and so of no image

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = (f"PATH={PATH}", "LANG=C.UTF-8")
COMMAND = ("/sbin/my_init",)
# Docker's own addition to the configuration, which OCI's does not have; times in nanoseconds. Failures during the start period
# do not count, but the first success ends it, so a long one only spares a slow boot.
HEALTHCHECK = {
    "Test": ["CMD", "/usr/sbin/dodaictl", "health"],
    "Interval": 30 * 10**9,
    "Timeout": 10 * 10**9,
    "StartPeriod": 600 * 10**9,
    "Retries": 3,
}

_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
# https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#guidance-for-an-empty-descriptor
_EMPTY = "application/vnd.oci.empty.v1+json"

# Debian's architecture → GOARCH and its variant: https://go.dev/doc/install/source#environment
_PLATFORMS = {
    "amd64": ("amd64", ""),
    "arm64": ("arm64", "v8"),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v5"),
    "i386": ("386", ""),
    "mips64el": ("mips64le", ""),
    "ppc64el": ("ppc64le", ""),
    "riscv64": ("riscv64", ""),
    "s390x": ("s390x", ""),
}


@dataclass(frozen=True, slots=True)
class Description:
    """What an image says about itself."""

    version: str
    suite: str
    variant: str
    without: tuple[str, ...]
    architecture: str  # Debian's name
    epoch: int  # seconds since 1970: the image's creation time
    revision: str = ""  # of our own sources; "" where it is not known
    packages: str = ""  # sha256:… of the packages and their sums: what stands for a base image's digest

    @property
    def created(self) -> str:
        """Return the creation time as RFC 3339 in UTC."""
        return datetime.datetime.fromtimestamp(self.epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def annotations(self) -> dict[str, str]:
        """Return the standard annotations, which are also the image's labels."""
        return {
            "org.opencontainers.image.description": DESCRIPTION,
            "org.opencontainers.image.licenses": LICENSES,
            "org.opencontainers.image.title": TITLE,
            "org.opencontainers.image.version": self.version,
        }

    @property
    def origin(self) -> dict[str, str]:
        """Return the standard annotations that only `dodai build` can give."""
        known = {"org.opencontainers.image.revision": self.revision} if self.revision else {}
        return known | {
            "org.opencontainers.image.base.name": BASE,
            "org.opencontainers.image.created": self.created,
        }

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels: the annotations, and what this image was built from."""
        packages = {"dodai.packages": self.packages} if self.packages else {}
        own = {"dodai.suite": self.suite, "dodai.variant": self.variant, "dodai.without": ",".join(self.without)}
        return self.annotations | self.origin | own | packages

    @property
    def platform(self) -> dict[str, str]:
        """Return the platform object of an index; an unknown architecture keeps Debian's name."""
        name, variant = _PLATFORMS.get(self.architecture, (self.architecture, ""))
        return {"architecture": name, "os": "linux"} | ({"variant": variant} if variant else {})


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout that was written."""

    digest: str  # of the manifest, sha256:…
    size: int  # bytes of the layer as it lies there


def config(description: Description, diff_id: str, *, health: bool = False) -> bytes:
    """Return the image configuration, with Docker's health check if wanted; its sha256 is the image's ID."""
    created = description.created
    without = f" --without {','.join(description.without)}" if description.without else ""
    build = f"dodai build --suite {description.suite} --variant {description.variant}{without}"
    history: list[dict[str, object]] = [{"created": created, "created_by": build, "comment": f"dodai {description.version}"}]
    for made in (f"ENV {' '.join(ENVIRONMENT)}", f"CMD {json.dumps(list(COMMAND))}"):
        history.append({"created": created, "created_by": made, "empty_layer": True})
    return _encode(
        {
            **description.platform,
            "config": {
                "Cmd": list(COMMAND),
                "Env": list(ENVIRONMENT),
                "Labels": description.labels,
                **({"Healthcheck": HEALTHCHECK} if health else {}),
            },
            "created": created,
            "history": history,
            "rootfs": {"diff_ids": [diff_id], "type": "layers"},
        }
    )


def write(
    directory: Path,
    description: Description,
    content: layer.Content,
    *,
    names: Sequence[str],
    compression: str,
    known: layer.Members | None = None,
    documents: Callable[[str], Mapping[str, bytes]] | None = None,
) -> Layout:
    """Write a layout into the empty `directory`; `names` are image names, whose tags become reference names.

    `known` are pieces of the layer that were compressed before. `documents` gives, for the digest of the manifest, what is said
    about the image, by media type; each becomes an artifact that refers to it.
    """
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    packed = layer.compress(content, blobs / "layer", compression, known)
    packed.path.rename(blobs / packed.digest.removeprefix("sha256:"))
    configuration = _blob(blobs, _CONFIG, config(description, content.diff_id))
    manifest = _blob(
        blobs,
        _MANIFEST,
        _encode(
            {
                "annotations": description.annotations | description.origin,
                "config": configuration,
                "layers": [{"digest": packed.digest, "mediaType": packed.media_type, "size": packed.size}],
                "mediaType": _MANIFEST,
                "schemaVersion": 2,
            }
        ),
    )
    entries: list[dict[str, object]] = [
        manifest
        | {
            "annotations": {"org.opencontainers.image.ref.name": name.rpartition(":")[2]},
            "platform": description.platform,
        }
        for name in names
    ]
    for media_type, data in (documents(str(manifest["digest"])) if documents else {}).items():
        entries.append(_artifact(blobs, media_type, data, manifest, description))
    (directory / "index.json").write_bytes(_encode({"manifests": entries, "mediaType": _INDEX, "schemaVersion": 2}))
    (directory / "oci-layout").write_bytes(_encode({"imageLayoutVersion": "1.0.0"}))
    return Layout(digest=str(manifest["digest"]), size=packed.size)


def is_layout(directory: Path) -> bool:
    """Tell whether `directory` holds an OCI layout, so that writing there replaces an image and nothing else."""
    return (directory / "oci-layout").is_file()


def _artifact(
    blobs: Path, media_type: str, data: bytes, subject: Mapping[str, object], description: Description
) -> dict[str, object]:
    """Write a document about the image `subject`; return its entry in the index, by which readers of a layout find it.

    https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#guidelines-for-artifact-usage
    """
    about = {"org.opencontainers.image.created": description.created}
    manifest = {
        "annotations": about,
        "artifactType": media_type,
        "config": _blob(blobs, _EMPTY, b"{}"),
        "layers": [_blob(blobs, media_type, data)],
        "mediaType": _MANIFEST,
        "schemaVersion": 2,
        "subject": dict(subject),
    }
    return _blob(blobs, _MANIFEST, _encode(manifest)) | {"annotations": about, "artifactType": media_type}


def _blob(blobs: Path, media_type: str, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "mediaType": media_type, "size": len(data)}


def _encode(value: Mapping[str, object]) -> bytes:
    # One form only, so that the same image has the same digest everywhere.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
