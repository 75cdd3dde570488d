"""A6: what an image holds is said twice, in two forms that their own projects' checks accept, the same each time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from dodai.features.build import sbom
from dodai.features.build.inventory import Package

LIBC = Package(
    "libc6",
    "2.41-12",
    "amd64",
    file="pool/main/g/glibc/libc6_2.41-12_amd64.deb",
    size=9,
    sha256="a0" * 32,
    source="glibc",
    maintainer="GNU Libc Maintainers <debian-glibc@lists.debian.org>",
    homepage="https://www.gnu.org/software/libc/libc.html",
)
STDCXX = Package(
    "libstdc++6",
    "1:14.2-19+b1",
    "amd64",
    file="pool/main/g/gcc-14/libstdc++6_14.2-19+b1_amd64.deb",
    size=7,
    sha256="b1" * 32,
    source="gcc-14",
    source_version="14.2-19",
)
OWN = Package("dodai-sysuser-helper", "1.6.0", "all")
SUBJECT = sbom.Subject(
    version="0.1.0",
    title="Debian 13",
    diff_id=f"sha256:{'c2' * 32}",
    epoch=1_700_000_000,
    packages=(OWN, LIBC, STDCXX),
    licences={"libc6": ("GPL-2+", "LGPL-2.1+")},
)


def spdx() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sbom.spdx(SUBJECT))
    return document


def cyclonedx() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sbom.cyclonedx(SUBJECT))
    return document


def test_spdx_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "image.spdx.json"
    path.write_bytes(sbom.spdx(SUBJECT))
    document = parse_file(str(path))
    assert validate_full_spdx_document(document) == []
    assert document.creation_info.spdx_version == "SPDX-2.3"


def test_cyclonedx_follows_its_schema() -> None:
    text = sbom.cyclonedx(SUBJECT).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert cyclonedx()["specVersion"] == "1.6"


def test_spdx_says_what_each_package_is() -> None:
    (libc,) = [one for one in spdx()["packages"] if one["name"] == "libc6"]
    assert libc["versionInfo"] == "2.41-12"
    assert libc["checksums"] == [{"algorithm": "SHA256", "checksumValue": "a0" * 32}]
    assert libc["sourceInfo"] == "built from: glibc 2.41-12"
    assert libc["supplier"] == "Organization: GNU Libc Maintainers (debian-glibc@lists.debian.org)"
    assert libc["licenseComments"] == "/usr/share/doc/libc6/copyright names: GPL-2+, LGPL-2.1+"
    (reference,) = libc["externalRefs"]
    assert reference["referenceLocator"] == "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc"


def test_cyclonedx_says_the_same() -> None:
    found = {one["name"]: one for one in cyclonedx()["components"]}
    assert found["libc6"]["hashes"] == [{"alg": "SHA-256", "content": "a0" * 32}]
    assert found["libc6"]["licenses"] == [{"license": {"name": "GPL-2+"}}, {"license": {"name": "LGPL-2.1+"}}]
    assert found["libstdc++6"]["purl"].startswith("pkg:deb/debian/libstdc%2B%2B6@1:14.2-19%2Bb1?")
    assert (found["debian"]["type"], found["debian"]["version"]) == ("operating-system", "13")
    (root,) = [one for one in cyclonedx()["dependencies"] if one["ref"] == "image"]
    assert len(root["dependsOn"]) == 4


def test_the_image_is_named_by_its_layer() -> None:
    (image,) = [one for one in spdx()["packages"] if one.get("primaryPackagePurpose") == "CONTAINER"]
    assert image["checksums"][0]["checksumValue"] == "c2" * 32
    assert cyclonedx()["metadata"]["component"]["hashes"][0]["content"] == "c2" * 32


@pytest.mark.parametrize("form", [sbom.SPDX, sbom.CYCLONEDX])
def test_both_list_every_package_once(form: str) -> None:
    documents = sbom.documents(SUBJECT)
    assert sorted(sbom.listed(form, json.loads(documents[form]))) == sorted(
        (one.name, one.version, one.sha256) for one in SUBJECT.packages
    )


def test_the_time_is_the_images_and_the_bytes_are_the_same() -> None:
    assert spdx()["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    assert cyclonedx()["metadata"]["timestamp"].startswith("2023-11-14T22:13:20")
    assert sbom.documents(SUBJECT) == sbom.documents(SUBJECT)


def test_licences_are_the_names_of_the_copyright_file() -> None:
    text = "Files: *\nLicense: GPL-2+\n This is\n License: not this\n\nFiles: x\nLicense: Expat\nLicense: GPL-2+\n"
    assert sbom.licences(text) == ("Expat", "GPL-2+")
    assert sbom.licences("This package was debianised by somebody.\n") == ()
