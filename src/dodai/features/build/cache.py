"""Roots with their packages installed, kept between builds: after a change in rootfs/ only the image's own part is made again.

One directory an entry, named by a hash of everything that its contents depend on. It is written beside and renamed, so that
an entry is whole or not there; a checksum is compared at each use, since a disk can break what was whole.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from dodai import output, paths
from dodai.features.build import layer

LIMIT = 1_000_000_000  # bytes in all; the entries that were not used for longest go first
_SUMS = "sums.json"
_FORMAT = 1  # part of every key: raise it when what is kept changes


def key(facts: Mapping[str, object], inputs: Path) -> str:
    """Return the name of an entry: a hash of `facts`, which JSON can hold, and of every path, mode and byte under `inputs`."""
    digest = hashlib.sha256(json.dumps([_FORMAT, facts], sort_keys=True).encode())
    for entry in sorted(inputs.rglob("*")):
        digest.update(f"\0{entry.relative_to(inputs)}\0{entry.stat().st_mode:o}\0".encode())
        if entry.is_file():
            digest.update(hashlib.sha256(entry.read_bytes()).digest())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class Cache:
    """The entries under `directory`, which need not exist."""

    directory: Path
    limit: int = LIMIT

    @contextlib.contextmanager
    def get(self, name: str) -> Iterator[Path | None]:
        """Give the directory of an entry, or None. Nobody removes it until the block ends."""
        with self._lock(fcntl.LOCK_SH):
            entry = self.directory / name
            found = _whole(entry)
            if not found:
                shutil.rmtree(entry, ignore_errors=True)
            if found:
                # Shows when it was last of use.
                with contextlib.suppress(OSError):
                    os.utime(entry)
            yield entry if found else None

    def put(self, name: str, files: Mapping[str, Path]) -> None:
        """Keep copies of `files`, each under its key. One that cannot be written costs nothing but the next build's time."""
        scratch = None
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            needed = sum(path.stat().st_size for path in files.values())
            if needed > self.limit:
                return
            scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=self.directory))
            for wanted, path in files.items():
                _kept(path, scratch / wanted)
            sums = {wanted: _sum(scratch / wanted) for wanted in files}
            (scratch / _SUMS).write_text(json.dumps(sums), encoding="ascii")
            self._make_room(needed)
            scratch.rename(self.directory / name)
        except OSError as error:
            # Two builds at once make the same entry: the first one stays.
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                output.warn(f'cannot keep the packages for the next build in "{self.directory}": {error.strerror or error}')
        finally:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)

    def _make_room(self, needed: int) -> None:
        """Remove what was not used for longest until `needed` more bytes fit; nothing while another build reads."""
        with self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
            if not locked:
                return
            entries = sorted(
                (entry for entry in self.directory.iterdir() if entry.is_dir() and not entry.name.startswith(".new-")),
                key=lambda entry: entry.stat().st_mtime,
            )
            sizes = {entry: sum(file.stat().st_size for file in entry.iterdir()) for entry in entries}
            for entry in entries:
                if sum(sizes.values()) + needed <= self.limit:
                    return
                shutil.rmtree(entry, ignore_errors=True)
                del sizes[entry]

    @contextlib.contextmanager
    def _lock(self, how: int) -> Iterator[bool]:
        try:
            descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            yield False
            return
        try:
            try:
                fcntl.flock(descriptor, how)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)


def default() -> Cache:
    """Return the user's cache, under $XDG_CACHE_HOME/dodai or ~/.cache/dodai."""
    return Cache(paths.cache_dir() / "roots")


@contextlib.contextmanager
def members(kept: Cache | None, name: str) -> Iterator[layer.Members | None]:
    """Give the compressed pieces of the first layer that was made on the root `name`, or keep those that are used now.

    A later change of the image is in a few of them: to write all of them again would take longer than it spares.
    """
    if kept is None:
        yield None
        return
    index, packed = "index.json", "packed"
    entry = f"{name}-{zlib.ZLIB_RUNTIME_VERSION}-{layer.GZIP_LEVEL}"
    with kept.get(entry) as found:
        known = {}
        if found is not None:
            with (found / packed).open("rb") as file:
                known = {piece: file.read(size) for piece, size in json.loads((found / index).read_text()).items()}
    use = layer.Members(known)
    yield use
    if known or not use.used:
        return
    # Where the root could not be kept nothing else can, and that was said.
    with (
        contextlib.suppress(OSError),
        tempfile.TemporaryDirectory(prefix=".new-", dir=kept.directory, ignore_cleanup_errors=True) as scratch,
    ):
        with (Path(scratch) / packed).open("wb") as file:
            file.writelines(use.used.values())
        (Path(scratch) / index).write_text(json.dumps({piece: len(data) for piece, data in use.used.items()}))
        kept.put(entry, {index: Path(scratch) / index, packed: Path(scratch) / packed})


def _whole(entry: Path) -> bool:
    try:
        sums = json.loads((entry / _SUMS).read_text(encoding="ascii"))
        return all(_sum(entry / name) == wanted for name, wanted in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy(source: Path, target: Path) -> None:
    """Give a file that nobody writes to any more a second name, where both are on one disk; else copy it. All may read it."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    target.chmod(0o644)


def _kept(source: Path, target: Path) -> None:
    copy(source, target)
    with target.open("rb") as file:
        # What is renamed into place must be on the disk before, or a crash leaves an entry of nothing.
        os.fsync(file.fileno())
