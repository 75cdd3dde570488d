"""A6: the layout is a whole OCI layout: every digest and size in it is true. Read from the specification, not with our code."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from dodai import paths
from dodai.features.build import layer, oci

EPOCH = 1_700_000_000
DESCRIPTION = oci.Description(
    version="0.1.0", suite="trixie", variant="default", without=("cron",), architecture="arm64", epoch=EPOCH
)
NAMES = ("dodai:0.1.0", "dodai:latest")


@pytest.fixture
def written(root: Path, tmp_path: Path) -> tuple[Path, oci.Layout, layer.Content]:
    content = layer.measure(root, epoch=EPOCH)
    directory = tmp_path / "layout"
    directory.mkdir()
    return directory, oci.write(directory, DESCRIPTION, content, names=NAMES, compression="gzip"), content


def blob(directory: Path, descriptor: dict[str, Any]) -> bytes:
    """The blob that a descriptor names, after what the descriptor says of it was found true."""
    method, _, digest = descriptor["digest"].partition(":")
    data: bytes = (directory / "blobs" / method / digest).read_bytes()
    assert hashlib.new(method, data).hexdigest() == digest
    assert len(data) == descriptor["size"]
    return data


def documents(directory: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    index = json.loads((directory / "index.json").read_text())
    manifest = json.loads(blob(directory, index["manifests"][0]))
    return index, manifest, json.loads(blob(directory, manifest["config"]))


def test_the_layout_says_what_it_is(written: tuple[Path, oci.Layout, layer.Content]) -> None:
    directory, _, _ = written
    assert json.loads((directory / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert oci.is_layout(directory)
    assert sorted(entry.name for entry in directory.iterdir()) == ["blobs", "index.json", "oci-layout"]
    assert len(list((directory / "blobs" / "sha256").iterdir())) == 3


def test_index_names_the_image_and_its_platform(written: tuple[Path, oci.Layout, layer.Content]) -> None:
    directory, layout, _ = written
    index, _, _ = documents(directory)
    assert index["schemaVersion"] == 2
    entries = index["manifests"]
    assert [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries] == ["0.1.0", "latest"]
    assert {entry["digest"] for entry in entries} == {layout.digest}
    assert entries[0]["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"}


def test_manifest_leads_to_the_layer(written: tuple[Path, oci.Layout, layer.Content]) -> None:
    directory, layout, content = written
    _, manifest, config = documents(directory)
    (only,) = manifest["layers"]
    assert only["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert layout.size == only["size"]
    unpacked = gzip.decompress(blob(directory, only))
    assert unpacked == b"".join(content.chunks())
    assert config["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(unpacked).hexdigest()}"]}
    assert manifest["annotations"]["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"


def test_config_is_the_contract_with_derived_images(written: tuple[Path, oci.Layout, layer.Content]) -> None:
    directory, _, _ = written
    _, _, config = documents(directory)
    assert (config["os"], config["architecture"], config["variant"]) == ("linux", "arm64", "v8")
    assert config["created"] == "2023-11-14T22:13:20Z"
    run = config["config"]
    # A3: nothing else is set, so nothing leaks into derived builds.
    assert run["Env"] == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
    assert run["Cmd"] == ["/sbin/my_init"]
    assert set(run) == {"Cmd", "Env", "Labels"}
    assert run["Labels"]["org.opencontainers.image.title"] == "Dodai"
    assert run["Labels"]["org.opencontainers.image.version"] == "0.1.0"
    assert (run["Labels"]["dodai.suite"], run["Labels"]["dodai.without"]) == ("trixie", "cron")


def test_labels_and_annotations_say_where_it_is_from(root: Path, tmp_path: Path) -> None:
    content = layer.measure(root, epoch=EPOCH)
    about = dataclasses.replace(DESCRIPTION, revision="0123abcd", packages="sha256:00ff")
    oci.write(tmp_path, about, content, names=NAMES, compression="gzip")
    _, manifest, config = documents(tmp_path)
    for said in (manifest["annotations"], config["config"]["Labels"]):
        assert said["org.opencontainers.image.created"] == config["created"] == "2023-11-14T22:13:20Z"
        assert said["org.opencontainers.image.revision"] == "0123abcd"
        assert said["org.opencontainers.image.version"] == "0.1.0"
        assert said["org.opencontainers.image.licenses"] == "MIT"
        assert said["org.opencontainers.image.base.name"] == "scratch"
    assert config["config"]["Labels"]["dodai.packages"] == "sha256:00ff"


def test_documents_refer_to_the_image(root: Path, tmp_path: Path) -> None:
    content = layer.measure(root, epoch=EPOCH)
    made = oci.write(
        tmp_path,
        DESCRIPTION,
        content,
        names=NAMES,
        compression="gzip",
        documents=lambda digest: {"application/example": digest.encode()},
    )
    index = json.loads((tmp_path / "index.json").read_text())
    image, _, entry = index["manifests"]
    assert entry["artifactType"] == "application/example"
    artifact = json.loads(blob(tmp_path, entry))
    assert artifact["subject"] == {key: image[key] for key in ("digest", "mediaType", "size")}
    assert artifact["artifactType"] == "application/example"
    assert blob(tmp_path, artifact["config"]) == b"{}"
    (only,) = artifact["layers"]
    assert blob(tmp_path, only) == made.digest.encode()


def test_history_has_one_entry_for_each_layer(written: tuple[Path, oci.Layout, layer.Content]) -> None:
    directory, _, _ = written
    _, manifest, config = documents(directory)
    filled = [entry for entry in config["history"] if not entry.get("empty_layer")]
    assert len(filled) == len(manifest["layers"]) == 1
    assert filled[0]["created_by"] == "dodai build --suite trixie --variant default --without cron"


@pytest.mark.parametrize(
    ("debian", "platform"),
    [
        ("amd64", {"architecture": "amd64", "os": "linux"}),
        ("armhf", {"architecture": "arm", "os": "linux", "variant": "v7"}),
        ("ppc64el", {"architecture": "ppc64le", "os": "linux"}),
        ("i386", {"architecture": "386", "os": "linux"}),
    ],
)
def test_architectures_have_the_names_of_the_specification(debian: str, platform: dict[str, str]) -> None:
    assert dataclasses.replace(DESCRIPTION, architecture=debian).platform == platform


def test_the_same_content_gives_the_same_digest(root: Path, tmp_path: Path) -> None:
    content = layer.measure(root, epoch=EPOCH)
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        digests.add(oci.write(tmp_path / name, DESCRIPTION, content, names=NAMES, compression="gzip").digest)
    assert len(digests) == 1


def test_the_health_check_is_dockers_alone(root: Path, tmp_path: Path) -> None:
    """The OCI image specification, config.md, has no such member."""
    content = layer.measure(root, epoch=EPOCH)
    assert json.loads(oci.config(DESCRIPTION, content.diff_id, health=True))["config"]["Healthcheck"] == oci.HEALTHCHECK
    oci.write(tmp_path, DESCRIPTION, content, names=NAMES, compression="gzip")
    blobs = [file.read_bytes() for file in (tmp_path / "blobs/sha256").iterdir()]
    assert not any(b"Healthcheck" in blob for blob in blobs)


def test_the_dockerfile_sets_the_same() -> None:
    text = (paths.image_dir() / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    said = {
        line.split(" ", 1)[0]: line.split(" ", 1)[1]
        for line in text.splitlines()
        if line.startswith(("ENV ", "CMD ", "LABEL ", "HEALTHCHECK "))
    }
    assert shlex.split(said["ENV"]) == list(oci.ENVIRONMENT)
    assert json.loads(said["CMD"]) == list(oci.COMMAND)
    options, _, command = said["HEALTHCHECK"].partition(" CMD ")
    assert oci.HEALTHCHECK["Test"] == ["CMD", *json.loads(command)]
    nanoseconds = {
        f"--{option}={int(oci.HEALTHCHECK[name]) // 10**9}s"  # type: ignore[call-overload]
        for option, name in (("interval", "Interval"), ("timeout", "Timeout"), ("start-period", "StartPeriod"))
    }
    assert set(options.split()) == nanoseconds | {f"--retries={oci.HEALTHCHECK['Retries']}"}
    # All but the version, which has its one place elsewhere.
    labels = dict(word.split("=", 1) for word in shlex.split(said["LABEL"]))
    assert labels == {key: value for key, value in DESCRIPTION.annotations.items() if not key.endswith(".version")}
