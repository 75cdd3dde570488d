"""A6: the layer is what mmdebstrap packed, measured and compressed the same way each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dodai import errors
from dodai.features.build import layer

EPOCH = 1_700_000_000


def plain(content: layer.Content) -> bytes:
    return b"".join(content.chunks())


def test_an_empty_dev_stands_before_what_mmdebstrap_packed(root: Path) -> None:
    content = layer.measure(root, epoch=EPOCH)
    assert plain(content).endswith(root.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(plain(content))) as archive:
        members = archive.getmembers()
    assert (members[0].name, members[0].isdir(), members[0].mode, members[0].mtime) == ("./dev", True, 0o755, EPOCH)
    assert [member.name for member in members[1:]] == [".", "./etc", "./etc/hello", "./etc/more", "./etc/same", "./etc/soft"]


def test_a_dev_that_is_there_already_is_not_added_again(tmp_path: Path) -> None:
    packed = tmp_path / "root.tar"
    with tarfile.open(packed, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("./", "./dev/", "./etc/"):
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE
            archive.addfile(entry)
    content = layer.measure(packed, epoch=EPOCH)
    with tarfile.open(fileobj=io.BytesIO(plain(content))) as archive:
        assert archive.getnames() == [".", "./dev", "./etc"]
    # Whoever reads chunks takes an empty one for the end.
    assert all(content.chunks())


def test_sizes_and_digest_are_those_of_the_bytes(root: Path) -> None:
    content = layer.measure(root, epoch=EPOCH)
    assert content.size == len(plain(content))
    assert content.diff_id == f"sha256:{hashlib.sha256(plain(content)).hexdigest()}"
    # A hard link and a symbolic link take no room.
    assert content.files == 3 + 2000


@pytest.mark.parametrize("compression", layer.COMPRESSIONS[::2])
def test_compressed_twice_gives_the_same_bytes(root: Path, tmp_path: Path, compression: str) -> None:
    content = layer.measure(root, epoch=EPOCH)
    first = layer.compress(content, tmp_path / "first", compression)
    second = layer.compress(content, tmp_path / "second", compression)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.digest == second.digest == f"sha256:{hashlib.sha256(first.path.read_bytes()).hexdigest()}"
    assert first.size == first.path.stat().st_size


def test_gzip_has_neither_name_nor_time(root: Path, tmp_path: Path) -> None:
    content = layer.measure(root, epoch=EPOCH)
    packed = layer.compress(content, tmp_path / "layer", "gzip").path.read_bytes()
    # RFC 1952, 2.3: magic, deflate, no flags, time 0.
    assert packed[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
    assert gzip.decompress(packed) == plain(content)


def test_none_leaves_the_layer_as_it_is(root: Path, tmp_path: Path) -> None:
    content = layer.measure(root, epoch=EPOCH)
    blob = layer.compress(content, tmp_path / "layer", "none")
    assert blob.path.read_bytes() == plain(content)
    assert blob.digest == content.diff_id
    assert blob.media_type == "application/vnd.oci.image.layer.v1.tar"


def test_a_truncated_root_is_refused(root: Path) -> None:
    root.write_bytes(root.read_bytes()[:1700])
    with pytest.raises(errors.BuildFailed, match="cannot use the root that mmdebstrap packed"):
        layer.measure(root, epoch=EPOCH)


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], layer.Content]:
    """A root of 200 files, the fifth of which holds what is given; pieces are small."""
    monkeypatch.setattr(layer, "PIECE", 4096)

    def make(data: bytes) -> layer.Content:
        path = tmp_path / "many.tar"
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
            for number in range(200):
                body = data if number == 5 else hashlib.sha256(str(number).encode()).digest() * 20
                entry = tarfile.TarInfo(f"./file-{number}")
                entry.size = len(body)
                archive.addfile(entry, io.BytesIO(body))
        return layer.measure(path, epoch=EPOCH)

    return make


def test_pieces_are_the_layer(many: Callable[[bytes], layer.Content], tmp_path: Path) -> None:
    content = many(b"x")
    pieces = list(content.pieces())
    assert len(pieces) > 10
    assert b"".join(pieces) == plain(content)
    assert gzip.decompress(layer.compress(content, tmp_path / "layer", "gzip").path.read_bytes()) == plain(content)


def test_a_change_leaves_most_pieces_as_they_were(many: Callable[[bytes], layer.Content], tmp_path: Path) -> None:
    before = layer.Members()
    layer.compress(many(b"x"), tmp_path / "before", "gzip", before)
    after = layer.Members(before.used)
    changed = layer.compress(many(b"y" * 5000), tmp_path / "after", "gzip", after)
    assert len(after.used.keys() - before.used.keys()) <= 3
    # And what was spared makes no difference.
    again = layer.compress(many(b"y" * 5000), tmp_path / "again", "gzip")
    assert changed.digest == again.digest
