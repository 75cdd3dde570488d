"""Issue 5, pushed: the rule for tags, layouts joined into an index, layers compressed anew; and what is refused."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dodai import errors
from dodai.commands import fresh
from dodai.features.push import layouts, registry, repack, tags

CREATED = "2026-01-31T23:30:00Z"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def labels(suite: str = "trixie", variant: str = "default", without: str = "") -> dict[str, str]:
    return {
        "org.opencontainers.image.version": "1.2.3",
        "dodai.suite": suite,
        "dodai.variant": variant,
        "dodai.without": without,
    }


def layout(
    directory: Path, *, architecture: str = "amd64", about: dict[str, str] | None = None, document: bool = False
) -> Path:
    """A whole layout of one image, with one gzip layer of two members."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(data: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "mediaType": media_type, "size": len(data)}

    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("file"))
    tar = plain.getvalue()
    packed = gzip.compress(tar[:700], mtime=0) + gzip.compress(tar[700:], mtime=0)
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {"Labels": about or labels()},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [blob(packed, "application/vnd.oci.image.layer.v1.tar+gzip")],
    }
    entry = blob(json.dumps(manifest).encode(), MANIFEST)
    # As dodai build names it: once for each name.
    entries = [entry | {"annotations": {"org.opencontainers.image.ref.name": name}} for name in ("latest", "1.2.3")]
    if document:
        said = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": blob(b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [],
        }
        entries.append(
            blob(json.dumps(said | {"subject": entry}).encode(), MANIFEST) | {"artifactType": "application/spdx+json"}
        )
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return directory


@pytest.mark.parametrize(
    ("about", "fixed", "moving"),
    [
        (labels(), "trixie-20260131", ("1.2.3-trixie", "trixie", "latest")),
        (labels(variant="minimal"), "trixie-minimal-20260131", ("1.2.3-trixie-minimal", "trixie-minimal", "minimal")),
        (labels("bookworm"), "bookworm-20260131", ("1.2.3-bookworm", "bookworm")),
        (labels("bookworm", "minimal"), "bookworm-minimal-20260131", ("1.2.3-bookworm-minimal", "bookworm-minimal")),
        (
            labels(without="ssh"),
            "trixie-without-ssh-20260131",
            ("1.2.3-trixie-without-ssh", "trixie-without-ssh", "without-ssh"),
        ),
        (labels("", "overlay"), "overlay-20260131", ("1.2.3-overlay", "overlay")),
    ],
)
def test_the_rule_for_tags(about: dict[str, str], fixed: str, moving: tuple[str, ...]) -> None:
    assert tags.rule(about, CREATED) == tags.Tags(fixed, moving)


def test_no_two_images_share_a_tag() -> None:
    every = [
        labels(suite, variant, without)
        for suite in ("trixie", "bookworm")
        for variant in ("default", "minimal")
        for without in ("", "ssh")
    ]
    every = [about for about in every if not (about["dodai.variant"] == "minimal" and about["dodai.without"])]
    found = [tag for about in every for tag in (tags.rule(about, CREATED).fixed, *tags.rule(about, CREATED).moving)]
    assert len(found) == len(set(found))


def test_an_image_that_is_not_ours_has_no_tags() -> None:
    with pytest.raises(errors.UsageError, match="labels"):
        tags.rule({"org.opencontainers.image.version": "24.04"}, CREATED)


def test_one_index_for_two_architectures(tmp_path: Path) -> None:
    one = layouts.read(layout(tmp_path / "one", document=True))
    two = layouts.read(layout(tmp_path / "two", architecture="arm64"))
    layouts.one_of_each([one, two])
    digest = layouts.join([one, two], tmp_path / "joined", tag="trixie")
    # The order of the layouts does not matter.
    assert layouts.join([two, one], tmp_path / "other", tag="trixie") == digest
    entries = json.loads((tmp_path / "joined/index.json").read_text())["manifests"]
    named = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry for entry in entries}
    assert set(named) == {"trixie"}
    index = json.loads((tmp_path / "joined/blobs/sha256" / digest.removeprefix("sha256:")).read_text())
    assert {entry["platform"]["architecture"] for entry in index["manifests"]} == {"amd64", "arm64"}
    assert {entry["digest"] for entry in index["manifests"]} == {one.digest, two.digest}


def test_layouts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    one = layouts.read(layout(tmp_path / "one"))
    with pytest.raises(errors.UsageError, match="second image for linux/amd64"):
        layouts.one_of_each([one, layouts.read(layout(tmp_path / "two"))])
    with pytest.raises(errors.UsageError, match="not one build"):
        layouts.one_of_each([one, layouts.read(layout(tmp_path / "three", architecture="arm64", about=labels("bookworm")))])


def test_a_layout_with_wrong_bytes_is_refused(tmp_path: Path) -> None:
    place = layout(tmp_path / "one")
    manifest = json.loads((place / "index.json").read_text())["manifests"][0]["digest"].removeprefix("sha256:")
    (place / "blobs/sha256" / manifest).write_bytes(b"{}")
    with pytest.raises(errors.UsageError, match="other bytes"):
        layouts.read(place)
    with pytest.raises(errors.UsageError, match="no whole OCI layout"):
        layouts.read(tmp_path)


def test_compressed_anew_it_is_the_same_image(tmp_path: Path) -> None:
    old = layouts.read(layout(tmp_path / "one"))
    new = repack.repack(old, tmp_path / "new", compression="gzip")
    assert new.digest != old.digest
    assert new.manifest["config"] == old.manifest["config"]
    blob = (tmp_path / "new/blobs/sha256" / new.manifest["layers"][0]["digest"].removeprefix("sha256:")).read_bytes()
    assert f"sha256:{hashlib.sha256(gzip.decompress(blob)).hexdigest()}" == old.config["rootfs"]["diff_ids"][0]
    again = repack.repack(old, tmp_path / "again", compression="gzip")
    assert again.digest == new.digest


@pytest.mark.parametrize(
    "name", ["dodai", "team/dodai", "ghcr.io/team/Dodai", "ghcr.io/team/dodai:latest", "https://ghcr.io/x", ""]
)
def test_what_is_no_registry_and_name_is_refused(name: str) -> None:
    with pytest.raises(errors.UsageError, match="REGISTRY/NAME"):
        registry.Registry(name, retries=0)


@pytest.mark.parametrize(
    "name", ["ghcr.io/team/dodai", "127.0.0.1:5000/dodai", "localhost/a", "[::1]:5000/x", "r.example:443/a/b_c"]
)
def test_what_is_a_registry_and_name(name: str) -> None:
    assert registry.Registry(name, retries=0).name == name


@pytest.mark.parametrize(
    "created", ["2026-01-01 00:00:00 +0000 UTC", "2026-01-01T00:00:00Z", "2026-01-01 00:00:00.5 +0000 UTC"]
)
def test_the_age_of_an_image(created: str) -> None:
    now = datetime.datetime(2026, 1, 9, tzinfo=datetime.UTC)
    assert fresh.age_in_days(created, now) == pytest.approx(8, abs=1e-4)
