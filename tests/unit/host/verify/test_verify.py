"""A6: `dodai verify` finds what was changed in a layout, and names it; two layouts are compared file by file."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dodai import errors
from dodai.commands import verify
from dodai.features.build import inventory, layer, oci, provenance, sbom
from dodai.features.verify import compare, contents

EPOCH = 1_700_000_000
STATUS = (
    "Package: hello\nStatus: install ok installed\nVersion: 1.0-1\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
)
HELLO = inventory.Package("hello", "1.0-1", "all", file="pool/h/hello_1.0-1_all.deb", size=3, sha256="a0" * 32)


def write(
    directory: Path, files: dict[str, bytes], *, compression: str = "gzip", mtime: int = EPOCH, revision: str = ""
) -> Path:
    """Write a whole layout whose layer has these files."""
    tar = directory.with_suffix(".tar")
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in {"./var/lib/dpkg/status": STATUS.encode(), **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(data), mtime
            archive.addfile(entry, io.BytesIO(data))
    content = layer.measure(tar, epoch=EPOCH)
    about = oci.Description("0.1.0", "trixie", "minimal", (), "amd64", EPOCH, revision)
    subject = sbom.Subject("0.1.0", "Debian 13", content.diff_id, EPOCH, (HELLO,), {})
    made_from = provenance.Source("", "00" * 32)

    def documents(digest: str) -> dict[str, bytes]:
        statement = provenance.statement(subject, made_from, {}, name="dodai:1", digest=digest)
        return {**sbom.documents(subject), provenance.MEDIA_TYPE: statement}

    directory.mkdir()
    oci.write(directory, about, content, names=("dodai:1", "dodai:2"), compression=compression, documents=documents)
    return directory


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write(tmp_path / "layout", {"./etc/file": b"one"})


@pytest.fixture
def findings(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Run the command; give its lines when it found something, else nothing."""

    def run(directory: Path, against: Path | None = None) -> list[str]:
        code = verify.verify(directory, against=against, pending=False, extract=None)
        lines = capsys.readouterr().out.splitlines()
        assert code == (0 if lines[0].endswith("agree") else 1)
        return [] if code == 0 else lines

    return run


def index(directory: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((directory / "index.json").read_text())
    return read


def blob(directory: Path, digest: str) -> Path:
    return directory / "blobs" / "sha256" / digest.removeprefix("sha256:")


def put(directory: Path, descriptor: dict[str, Any], data: bytes) -> None:
    """Store `data` and let the descriptor be of it."""
    descriptor["digest"], descriptor["size"] = f"sha256:{hashlib.sha256(data).hexdigest()}", len(data)
    blob(directory, descriptor["digest"]).write_bytes(data)


def replace_document(directory: Path, kind: str, change: Callable[[str], str]) -> None:
    """Change a document of the layout, with every digest that leads to it."""
    top = index(directory)
    (entry,) = [one for one in top["manifests"] if one.get("artifactType") == kind]
    manifest = json.loads(blob(directory, entry["digest"]).read_bytes())
    (only,) = manifest["layers"]
    old = [blob(directory, entry["digest"]), blob(directory, only["digest"])]
    text = old[1].read_text()
    changed = change(text)
    assert changed != text
    put(directory, only, changed.encode())
    put(directory, entry, json.dumps(manifest).encode())
    for path in old:
        path.unlink()
    (directory / "index.json").write_text(json.dumps(top))


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_a_layout_as_it_was_built_is_true(tmp_path: Path, findings: Callable[..., list[str]], compression: str) -> None:
    assert findings(write(tmp_path / "layout", {"./etc/file": b"one"}, compression=compression)) == []


def test_what_is_no_layout_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="it is no OCI layout"):
        verify.verify(tmp_path)


@pytest.mark.parametrize("damage", ["change", "remove", "truncate"])
def test_every_damaged_blob_is_named(made: Path, tmp_path: Path, findings: Callable[..., list[str]], damage: str) -> None:
    for path in sorted((made / "blobs" / "sha256").iterdir()):
        copy = tmp_path / "copy"
        shutil.copytree(made, copy)
        target = copy / path.relative_to(made)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        if damage == "remove":
            target.unlink()
        else:
            target.write_bytes(bytes(data) if damage == "change" else path.read_bytes()[:-1])
        assert any(path.name in line for line in findings(copy)), path
        shutil.rmtree(copy)


def test_a_blob_that_belongs_to_nothing_is_named(made: Path, findings: Callable[..., list[str]]) -> None:
    (made / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"{}")
    assert findings(made) == [f"blob sha256:{'0' * 64} belongs to nothing"]


@pytest.mark.parametrize(
    ("kind", "old", "new", "finding"),
    [
        (sbom.SPDX, '"1.0-1"', '"1.0-2"', 'package "hello": 1.0-1 installed, 1.0-2 in the SPDX document'),
        (sbom.CYCLONEDX, '"version":"1.0-1"', '"version":"9"', 'package "hello": 1.0-1 installed, 9 in the CycloneDX document'),
        (sbom.SPDX, '"hello"', '"hallo"', 'package "hello": 1.0-1 installed, not in the SPDX document'),
        (sbom.SPDX, "a0a0", "b0b0", 'package "hello": the two SBOMs differ in its sha256'),
        (provenance.MEDIA_TYPE, "a0a0", "b0b0", 'package "hello": provenance and SBOM differ in its sha256'),
        (provenance.MEDIA_TYPE, '"predicateType"', '"x', "cannot be read"),
        (sbom.SPDX, '"packages"', '"parcels"', "cannot be read"),
    ],
)
def test_a_document_that_is_not_true_is_named(
    made: Path, findings: Callable[..., list[str]], kind: str, old: str, new: str, finding: str
) -> None:
    replace_document(made, kind, lambda text: text.replace(old, new))
    assert any(finding in line for line in findings(made))


def test_provenance_of_another_image_is_named(made: Path, findings: Callable[..., list[str]]) -> None:
    digest = index(made)["manifests"][0]["digest"]
    replace_document(made, provenance.MEDIA_TYPE, lambda text: text.replace(digest.removeprefix("sha256:"), "f" * 64))
    (line,) = findings(made)
    assert line == f"provenance is about sha256:{'f' * 64} and not about {digest}"


def test_missing_documents_are_named(made: Path, findings: Callable[..., list[str]]) -> None:
    top = index(made)
    top["manifests"] = top["manifests"][:2]
    (made / "index.json").write_text(json.dumps(top))
    lines = findings(made)
    for title in ("SPDX", "CycloneDX", "provenance"):
        assert any(line.endswith(f"has no {title} document") for line in lines)


def test_a_layer_that_is_not_the_configurations_is_named(made: Path, findings: Callable[..., list[str]]) -> None:
    top = index(made)
    manifest = json.loads(blob(made, top["manifests"][0]["digest"]).read_bytes())
    (only,) = manifest["layers"]
    plain = gzip.decompress(blob(made, only["digest"]).read_bytes()).replace(b"one", b"two")
    put(made, only, gzip.compress(plain))
    for entry in top["manifests"][:2]:
        put(made, entry, json.dumps(manifest).encode())
    (made / "index.json").write_text(json.dumps(top))
    assert any("and the configuration says" in line for line in findings(made))


def test_a_file_younger_than_the_image_is_named(tmp_path: Path, findings: Callable[..., list[str]]) -> None:
    directory = write(tmp_path / "layout", {"./etc/file": b"one"}, mtime=EPOCH + 1)
    assert 'file "/etc/file" is younger than the image' in findings(directory)


def test_a_difference_is_told_by_file(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"./etc/a": b"1", "./etc/b": b"1", "./etc/c": b"1"})
    other = write(tmp_path / "other", {"./etc/a": b"1", "./etc/b": b"2", "./etc/d": b"1"}, revision="0123")
    lines = compare.layouts(one, other)
    assert 'file "/etc/b" differs in contents' in lines
    assert 'file "/etc/c" is only in the first' in lines
    assert 'file "/etc/d" is only in the second' in lines
    assert any("image.revision: nothing and 0123" in line for line in lines)
    assert not any("/etc/a" in line for line in lines)


def test_the_same_bytes_are_no_difference(made: Path, tmp_path: Path, findings: Callable[..., list[str]]) -> None:
    again = write(tmp_path / "again", {"./etc/file": b"one"})
    assert compare.layouts(made, again) == []
    assert findings(made, again) == []


def test_the_same_files_packed_otherwise_are_told(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"./a": b"1"})
    other = write(tmp_path / "other", {"./a": b"1"}, compression="none")
    assert compare.layouts(one, other)[1:] == ["the same files, packed otherwise"]


def test_documents_are_written_out(made: Path, tmp_path: Path) -> None:
    verify.verify(made, against=None, pending=False, extract=tmp_path / "out")
    written = {path.name: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert written.keys() == {"sbom.spdx.json", "sbom.cdx.json", "provenance.json", "predicate.json"}
    assert written["predicate.json"] == written["provenance.json"]["predicate"]


def test_a_later_layer_removes_what_an_earlier_had(tmp_path: Path) -> None:
    tree = contents.Contents({}, {})
    for files in ({"d/a": b"1", "d/b": b"1", "e": b"1"}, {"d/.wh.a": b"", ".wh.e": b""}):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        made.seek(0)
        contents._apply(made, tree, ())
    assert list(tree.entries) == ["d/b"]
