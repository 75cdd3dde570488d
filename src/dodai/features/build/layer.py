"""The one layer of the image: mmdebstrap's tar, measured, hashed and compressed.

The tar stays as mmdebstrap wrote it (sorted, clamped times, numeric owners). Only an empty `./dev/`
is put in front of it where it has none: device nodes do not belong into a layer (an engine makes its own, a rootless one
may not make any), but the directory itself is where the engine mounts them.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import itertools
import os
import tarfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dodai import errors, process

CHUNK = 1 << 20  # bytes read at a time
PIECE = 2 << 20  # bytes of the layer, at least, that are compressed on their own: half a percent more than all at once
GZIP_LEVEL = 6  # zlib's default: level 9 takes three times as long for one percent
ZSTD_LEVEL = 19  # the highest level that every zstd reader can decode with its default memory

COMPRESSIONS = ("gzip", "zstd", "none")
"""What `--compression` takes; the first is the default, because every engine reads it."""

# https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md#zstd-media-types and its neighbours
_MEDIA_TYPES = {
    "none": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}


@dataclass(frozen=True, slots=True)
class Content:
    """The uncompressed layer: `prefix` (whole tar records), then the file `tar`."""

    tar: Path
    prefix: bytes
    diff_id: str  # sha256:… of the uncompressed layer
    files: int  # bytes of all regular files once unpacked
    cuts: tuple[int, ...] = ()  # offsets in `tar`, all at the beginning of an entry, where `compress` begins anew

    @property
    def size(self) -> int:
        """Return the bytes of the uncompressed layer."""
        return len(self.prefix) + self.tar.stat().st_size

    def pieces(self) -> Iterator[bytes]:
        """Yield the uncompressed layer from cut to cut."""
        bounds = [0, *self.cuts, self.tar.stat().st_size]
        prefix = self.prefix
        with self.tar.open("rb") as stream:
            for begin, end in itertools.pairwise(bounds):
                yield prefix + stream.read(end - begin)
                prefix = b""

    def chunks(self) -> Iterator[bytes]:
        """Yield the uncompressed layer piece by piece, none of them empty."""
        if self.prefix:
            yield self.prefix
        with self.tar.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk


@dataclass(frozen=True, slots=True)
class Blob:
    """A compressed layer, as it lies in the layout."""

    path: Path
    media_type: str
    digest: str  # sha256:…
    size: int  # bytes


def measure(tar: Path, *, epoch: int) -> Content:
    """Read `tar` once for its sizes and once for its digest.

    Raises errors.BuildFailed when `tar` is not a whole tar archive: a truncated one must not become an image.
    """
    has_dev = False
    files = 0
    cuts = [0]
    try:
        with tarfile.open(tar, "r:") as archive:
            for member in archive:
                has_dev = has_dev or member.name.removeprefix("./") == "dev"
                # A hard link has no bytes of its own.
                files += member.size if member.isreg() else 0
                if _cut(member, member.offset - cuts[-1]):
                    cuts.append(member.offset)
    except tarfile.TarError as error:
        raise errors.BuildFailed(f"cannot use the root that mmdebstrap packed: {error}") from error
    # Told to leave out /dev's nodes, mmdebstrap leaves out the directory too up to 1.3 (Debian 12), but not in 1.5 (Debian 13);
    # Docker from 26 on refuses a layer that has a path twice.
    prefix = b"" if has_dev else _directory("./dev/", epoch)
    digest = hashlib.sha256(prefix)
    with tar.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return Content(tar=tar, prefix=prefix, diff_id=f"sha256:{digest.hexdigest()}", files=files, cuts=tuple(cuts[1:]))


def compress(content: Content, target: Path, compression: str, known: Members | None = None) -> Blob:
    """Write `content` to `target`; the same content gives the same bytes with the same zlib or zstd.

    `known` spares the work for pieces that it has, and gets the others.
    """
    if compression == "zstd":
        _zstd(content, target)
        digest = _digest_of(target)
    else:
        digest = _write(target, _members(content, known) if compression == "gzip" else content.chunks())
    return Blob(path=target, media_type=_MEDIA_TYPES[compression], digest=f"sha256:{digest}", size=target.stat().st_size)


class Members:
    """Pieces of layers that were compressed with gzip: sha256 of the piece, in hexadecimal → its compressed bytes."""

    def __init__(self, known: Mapping[str, bytes] | None = None) -> None:
        self.known = dict(known or {})
        self.used: dict[str, bytes] = {}

    def gzip(self, piece: bytes) -> bytes:
        """Return one whole gzip stream of `piece`."""
        name = hashlib.sha256(piece).hexdigest()
        packed = self.known.get(name)
        if packed is None:
            # zlib's own gzip header has no name and a zero time; Python's gzip module would write the clock.
            packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
            packed = packer.compress(piece) + packer.flush()
        self.used[name] = packed
        return packed


def _cut(member: tarfile.TarInfo, length: int) -> bool:
    """Whether a piece of `length` bytes ends before `member`.

    It depends on names, so that a change in one file moves the cuts near it and no others.
    """
    return length >= PIECE and (zlib.crc32(member.name.encode("utf-8", "surrogateescape")) % 4 == 0 or length >= 4 * PIECE)


def _members(content: Content, known: Members | None) -> Iterator[bytes]:
    """Compress all pieces, several at a time, each to a gzip stream of its own: RFC 1952 lets them follow each other."""
    members = known if known is not None else Members()
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        waiting: deque[concurrent.futures.Future[bytes]] = deque()
        for piece in content.pieces():
            waiting.append(pool.submit(members.gzip, piece))
            # No more in memory than keeps every processor busy.
            if len(waiting) > 2 * (os.cpu_count() or 1):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _write(target: Path, pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as stream:
        for piece in pieces:
            digest.update(piece)
            stream.write(piece)
    return digest.hexdigest()


def _zstd(content: Content, target: Path) -> None:
    plain = target.with_suffix(".tar")
    try:
        with plain.open("wb") as stream:
            for chunk in content.chunks():
                stream.write(chunk)
        # The output does not depend on how many threads work, only on that threads are used at all.
        argv = ["zstd", "-q", f"-{ZSTD_LEVEL}", "-T0", "-f", "-o", str(target), str(plain)]
        process.run(argv, doing="compress the layer")
    finally:
        plain.unlink(missing_ok=True)


def _digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _directory(name: str, epoch: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE
    entry.mode = 0o755
    entry.mtime = epoch
    return entry.tobuf(tarfile.PAX_FORMAT)
