"""What an image holds, as SPDX 2.3 and as CycloneDX 1.6.

Both come from the packages that apt installed and the sums of the archive, not from guessing at files. The libraries of the two
projects write them, and are imported only here: they take half a second. Times and identifiers come from the image, so that the
same image has the same documents.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from dodai.features.build import inventory

SPDX = "application/spdx+json"
CYCLONEDX = "application/vnd.cyclonedx+json"

_LICENCE = re.compile(r"^License:[ \t]*(\S.*)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """The image that the documents are about."""

    version: str
    title: str  # of the suite: "Debian 13"
    diff_id: str  # sha256:… of the uncompressed layer
    epoch: int  # seconds since 1970
    packages: tuple[inventory.Package, ...]
    licences: Mapping[str, tuple[str, ...]]  # package → names in its copyright file

    @property
    def created(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.epoch, datetime.UTC)

    @property
    def distribution(self) -> tuple[str, str]:
        """Return its name and version: debian and 13."""
        name, _, version = self.title.lower().partition(" ")
        return name, version

    def identifier(self, form: str) -> uuid.UUID:
        """Return an identifier of the document in one form, the same for the same contents."""
        return uuid.uuid5(uuid.NAMESPACE_OID, f"dodai {form} {self.diff_id} {inventory.digest(self.packages)}")


def documents(subject: Subject) -> dict[str, bytes]:
    """Return the documents by their media types."""
    return {SPDX: spdx(subject), CYCLONEDX: cyclonedx(subject)}


def licences(text: str) -> tuple[str, ...]:
    """Return the names of licences in a copyright file of Debian's machine-readable form (DEP 5), sorted; none in others."""
    return tuple(sorted({name.strip() for name in _LICENCE.findall(text)}))


def purl(subject: Subject, package: inventory.Package) -> str:
    """Return the package URL: https://github.com/package-url/purl-spec, type deb."""
    from packageurl import PackageURL

    if not package.file:
        return str(PackageURL("generic", None, package.name, package.version).to_string())
    name, version = subject.distribution
    qualifiers = {"arch": package.architecture, "distro": f"{name}-{version}"}
    if package.source:
        source = f"{package.source}@{package.source_version}" if package.source_version else package.source
        qualifiers["upstream"] = source
    return str(PackageURL("deb", name, package.name, package.version, qualifiers).to_string())


def spdx(subject: Subject) -> bytes:
    """Return an SPDX 2.3 document in JSON."""
    from spdx_tools.spdx import model
    from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter

    image = model.Package(
        spdx_id="SPDXRef-Image",
        name="dodai",
        version=subject.version,
        download_location=model.SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[model.Checksum(model.ChecksumAlgorithm.SHA256, subject.diff_id.removeprefix("sha256:"))],
        comment="The checksum is of the uncompressed layer.",
        primary_package_purpose=model.PackagePurpose.CONTAINER,
    )
    packages = [_spdx_package(subject, one) for one in subject.packages]
    describes = model.Relationship("SPDXRef-DOCUMENT", model.RelationshipType.DESCRIBES, image.spdx_id)
    contains = [model.Relationship(image.spdx_id, model.RelationshipType.CONTAINS, one.spdx_id) for one in packages]
    document = model.Document(
        creation_info=model.CreationInfo(
            spdx_version="SPDX-2.3",
            spdx_id="SPDXRef-DOCUMENT",
            name=f"dodai-{subject.version}",
            document_namespace=f"urn:uuid:{subject.identifier('spdx')}",
            creators=[model.Actor(model.ActorType.TOOL, f"dodai-{subject.version}")],
            # The library writes it as UTC, and wants it without a zone.
            created=subject.created.replace(tzinfo=None),
        ),
        packages=[image, *packages],
        relationships=[describes, *contains],
    )
    converted: dict[str, Any] = DocumentConverter().convert(document)  # type: ignore[no-untyped-call]
    return _encode(converted)


def _spdx_package(subject: Subject, package: inventory.Package) -> Any:
    from spdx_tools.spdx import model

    named = subject.licences.get(package.name, ())
    person, _, address = package.maintainer.partition(" <")
    built_from = f"{package.source or package.name} {package.source_version or package.version}"
    return model.Package(
        spdx_id=f"SPDXRef-Package-{_reference(package.name)}",
        name=package.name,
        version=package.version,
        file_name=package.file or None,
        supplier=model.Actor(model.ActorType.ORGANIZATION, person, address.rstrip(">") or None) if person else None,
        download_location=model.SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[model.Checksum(model.ChecksumAlgorithm.SHA256, package.sha256)] if package.sha256 else [],
        homepage=package.homepage or None,
        source_info=f"built from: {built_from}",
        license_concluded=model.SpdxNoAssertion(),
        license_declared=model.SpdxNoAssertion(),
        # The names are Debian's, and which of them go together is in the text: no expression can be made of them.
        license_comment=f"/usr/share/doc/{package.name}/copyright names: {', '.join(named)}" if named else None,
        external_references=[
            model.ExternalPackageRef(
                model.ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", purl(subject, package), comment=None
            )
        ],
    )


def cyclonedx(subject: Subject) -> bytes:
    """Return a CycloneDX 1.6 document in JSON."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.model.tool import ToolRepository
    from cyclonedx.output.json import JsonV1Dot6

    image = Component(
        name="dodai",
        version=subject.version,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=subject.diff_id.removeprefix("sha256:"))],
    )
    tool = Component(name="dodai", version=subject.version, type=ComponentType.APPLICATION, bom_ref="tool")
    name, version = subject.distribution
    system = Component(name=name, version=version, type=ComponentType.OPERATING_SYSTEM, bom_ref="distribution")
    parts = [system]
    for one in subject.packages:
        address = purl(subject, one)
        parts.append(
            Component(
                name=one.name,
                version=one.version,
                type=ComponentType.LIBRARY,
                bom_ref=address,
                purl=_parsed(address),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one.sha256)] if one.sha256 else [],
                licenses=[DisjunctiveLicense(name=word) for word in subject.licences.get(one.name, ())],
            )
        )
    metadata = BomMetaData(component=image, timestamp=subject.created, tools=ToolRepository(components=[tool]))
    bom = Bom(serial_number=subject.identifier("cyclonedx"), metadata=metadata, components=parts)
    bom.register_dependency(image, parts)
    return _encode(json.loads(JsonV1Dot6(bom).output_as_string()))


def listed(media_type: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and sha256 ("" where there is none) of each package that a document names."""
    if media_type == SPDX:
        for one in document["packages"]:
            if one.get("primaryPackagePurpose") != "CONTAINER":
                sums = [each["checksumValue"] for each in one.get("checksums", []) if each["algorithm"] == "SHA256"]
                yield one["name"], one["versionInfo"], sums[0] if sums else ""
        return
    for one in document["components"]:
        if one["type"] != "operating-system":
            sums = [each["content"] for each in one.get("hashes", []) if each["alg"] == "SHA-256"]
            yield one["name"], one["version"], sums[0] if sums else ""


def _parsed(address: str) -> Any:
    from packageurl import PackageURL

    return PackageURL.from_string(address)


def _reference(name: str) -> str:
    """Return the name with what an SPDX reference cannot have written as a dot and two hexadecimal digits."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f".{ord(found[0]):02X}", name)


def _encode(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
