"""A6: provenance is an in-toto statement about the manifest, with every file that went in; the revision is git's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dodai.features.build import provenance
from tests.unit.host.build.test_sbom import LIBC, SUBJECT


def test_the_statement_is_slsas_about_the_manifest() -> None:
    source = provenance.Source("0123abcd", "d3" * 32)
    text = provenance.statement(SUBJECT, source, {"suite": "trixie"}, name="dodai:1", digest="sha256:00ff")
    statement = json.loads(text)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": "dodai:1", "digest": {"sha256": "00ff"}}]
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {"suite": "trixie"}
    own, *packages = definition["resolvedDependencies"]
    assert own["digest"] == {"gitCommit": "0123abcd", "sha256": "d3" * 32}
    assert {one["name"]: one["digest"]["sha256"] for one in packages}[LIBC.name] == LIBC.sha256
    # What install built itself is of our own sources.
    assert len(packages) == 2
    assert statement["predicate"]["runDetails"]["builder"]["id"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    image = tmp_path / "image"
    (image / "rootfs").mkdir(parents=True)
    (image / "rootfs" / "file").write_text("one")
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "one"]):
        who = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
        subprocess.run(["git", *who, "-C", tmp_path, *words], check=True)
    return image


def test_the_revision_is_the_commit(checkout: Path) -> None:
    head = subprocess.check_output(["git", "-C", checkout, "rev-parse", "HEAD"], text=True).strip()
    assert provenance.revision(checkout) == head
    (checkout.parent / "README.md").write_text("not a part of the image")
    assert provenance.revision(checkout) == head
    (checkout / "rootfs" / "file").write_text("two")
    assert provenance.revision(checkout) == f"{head}-dirty"


def test_outside_of_a_checkout_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    assert provenance.revision(tmp_path / "image") == ""


def test_the_digest_follows_paths_modes_links_and_contents(checkout: Path) -> None:
    file = checkout / "rootfs" / "file"
    seen = [provenance.source(checkout).digest]
    file.chmod(0o755)
    seen.append(provenance.source(checkout).digest)
    file.write_text("two")
    seen.append(provenance.source(checkout).digest)
    (checkout / "rootfs" / "link").symlink_to("file")
    seen.append(provenance.source(checkout).digest)
    file.rename(checkout / "rootfs" / "other")
    seen.append(provenance.source(checkout).digest)
    assert len(set(seen)) == len(seen)
    # The lock and what Python leaves behind are not what the image is made of.
    (checkout / "lock").mkdir()
    (checkout / "lock" / "trixie-amd64.lock").touch()
    (checkout / "__pycache__").mkdir()
    (checkout / "__pycache__" / "x.pyc").touch()
    assert provenance.source(checkout).digest == seen[-1]
