"""The archive that `docker load` and `podman load` read (the format of `docker save`).

It is written next to the layout and not instead of it: every Docker since 1.10 loads this one, while
an archive of an OCI layout needs Docker 25. Its layer is not compressed, because the engine would
only unpack it again.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from dodai.features.build import layer


def write(path: Path, content: layer.Content, config: bytes, *, names: Sequence[str], epoch: int) -> str:
    """Write the archive to `path` and return the image's ID (sha256:…), the digest of `config`."""
    identity = hashlib.sha256(config).hexdigest()
    image, body = f"{identity}.json", f"{content.diff_id.removeprefix('sha256:')}.tar"
    manifest = [{"Config": image, "Layers": [body], "RepoTags": list(names)}]
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "manifest.json", json.dumps(manifest, sort_keys=True).encode(), epoch)
        _add(archive, image, config, epoch)
        # tarfile only reads from its source; the cast spares a file object's other forty methods.
        source = cast("io.BufferedReader", _Chunks(content.chunks()))
        archive.addfile(_entry(body, content.size, epoch), source)
    return f"sha256:{identity}"


class _Chunks:
    """A source for tarfile over an iterator of bytes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end."""
        pieces, missing = [self._rest], size - len(self._rest)
        while missing > 0 and (chunk := next(self._chunks, b"")):
            pieces.append(chunk)
            missing -= len(chunk)
        data = b"".join(pieces)
        self._rest = data[size:]
        return data[:size]


def _add(archive: tarfile.TarFile, name: str, data: bytes, epoch: int) -> None:
    archive.addfile(_entry(name, len(data), epoch), io.BytesIO(data))


def _entry(name: str, size: int, epoch: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o644
    entry.mtime = epoch
    return entry
