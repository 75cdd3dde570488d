"""A6: the archive for `docker load` has the form that `docker save` writes."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from dodai.features.build import archive, layer, oci

EPOCH = 1_700_000_000
NAMES = ("dodai:0.1.0", "dodai:latest")


def write(root: Path, path: Path) -> tuple[str, layer.Content, bytes]:
    content = layer.measure(root, epoch=EPOCH)
    description = oci.Description("0.1.0", "trixie", "default", (), "amd64", EPOCH)
    config = oci.config(description, content.diff_id)
    return archive.write(path, content, config, names=NAMES, epoch=EPOCH), content, config


def test_manifest_leads_to_config_and_layer(root: Path, tmp_path: Path) -> None:
    image_id, content, config = write(root, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as opened:
        files = {member.name: opened.extractfile(member) for member in opened}
        data = {name: stream.read() for name, stream in files.items() if stream is not None}
    (entry,) = json.loads(data["manifest.json"])
    assert entry["RepoTags"] == list(NAMES)
    assert data[entry["Config"]] == config
    assert image_id == f"sha256:{hashlib.sha256(config).hexdigest()}"
    (only,) = entry["Layers"]
    assert f"sha256:{hashlib.sha256(data[only]).hexdigest()}" == content.diff_id
    assert json.loads(config)["rootfs"]["diff_ids"] == [content.diff_id]


def test_written_twice_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    write(root, tmp_path / "one.tar")
    write(root, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_layer_longer_than_one_piece_arrives_whole(root: Path, tmp_path: Path) -> None:
    # tarfile asks for pieces of another size than the ones we have.
    with tarfile.open(root, "a") as opened:
        big = tmp_path / "big"
        big.write_bytes(bytes(range(256)) * 12_000)
        opened.add(big, "./big")
    _, content, _ = write(root, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as opened:
        stream = opened.extractfile(f"{content.diff_id.removeprefix('sha256:')}.tar")
        assert stream is not None
        assert hashlib.sha256(stream.read()).hexdigest() == content.diff_id.removeprefix("sha256:")
