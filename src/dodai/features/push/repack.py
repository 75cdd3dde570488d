"""The same image with its layers compressed in another way: a new manifest, the same configuration and image ID."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path

from dodai import errors, process
from dodai.features.build import layer
from dodai.features.push import layouts


def repack(image: layouts.Image, target: Path, *, compression: str) -> layouts.Image:
    """Write `image` into the new directory `target` with every layer compressed so; return it from there."""
    blobs = target / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    old = image.directory / "blobs" / "sha256"
    manifest = dict(image.manifest)
    described = []
    for at, (descriptor, diff_id) in enumerate(zip(manifest["layers"], image.config["rootfs"]["diff_ids"], strict=True)):
        plain = target / f"layer-{at}.tar"
        _unpack(old / descriptor["digest"].partition(":")[2], descriptor["mediaType"], plain)
        with plain.open("rb") as stream:
            found = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        if found != diff_id:
            raise errors.UsageError(
                f'cannot push "{image.directory}": its layer is {found} and not {diff_id}', hint="build the image again"
            )
        content = layer.Content(tar=plain, prefix=b"", diff_id=diff_id, files=0)
        packed = layer.compress(content, blobs / "layer", compression)
        packed.path.rename(blobs / packed.digest.removeprefix("sha256:"))
        plain.unlink()
        described.append({"digest": packed.digest, "mediaType": packed.media_type, "size": packed.size})
    configuration = manifest["config"]["digest"].partition(":")[2]
    (blobs / configuration).write_bytes((old / configuration).read_bytes())
    manifest["layers"] = described
    data = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    entry = dict(image.descriptor) | {"digest": f"sha256:{digest}", "size": len(data)}
    index = {"manifests": [entry], "mediaType": layouts.INDEX, "schemaVersion": 2}
    (target / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (target / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="ascii")
    return layouts.read(target)


def _unpack(blob: Path, media_type: str, target: Path) -> None:
    """Decompress a layer, by what its media type ends in."""
    with target.open("wb") as sink:
        if media_type.endswith("+zstd"):
            process.stream(
                ["zstd", "-q", "-d", "-c", str(blob)], doing="unpack a layer", on_line=lambda _line: None, stdout=sink
            )
            return
        with blob.open("rb") as source:
            if not media_type.endswith("gzip"):
                while chunk := source.read(layer.CHUNK):
                    sink.write(chunk)
                return
            # A layer may be several gzip members, one after the other (RFC 1952, 2.2).
            unpacker = zlib.decompressobj(31)
            while chunk := source.read(layer.CHUNK):
                while chunk:
                    sink.write(unpacker.decompress(chunk))
                    chunk = unpacker.unused_data
                    if chunk:
                        unpacker = zlib.decompressobj(31)
