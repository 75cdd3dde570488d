"""The files of an image, and which package brought each, from the tar that an engine exports.

Which packages are the base is not looked up anywhere: it is what mmdebstrap's minbase takes (mmdebstrap(1), VARIANTS), the
packages that are Essential or of priority required, and apt, with what they depend on, as the image's own dpkg tells it.
"""

from __future__ import annotations

import dataclasses
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from dodai import errors

STATUS = "var/lib/dpkg/status"
_LIST = re.compile(r"var/lib/dpkg/info/([^/:]+)(?::[a-z0-9]+)?\.list")
# Since /usr was merged these are links; a package's list may still name the old place.
_MERGED = re.compile(r"(?:bin|sbin|lib|lib32|lib64|libx32)/")

# Where files come from that no package brought; the first that fits.
_UNOWNED = (
    ("var/lib/dpkg/", "(dpkg's database)"),
    ("usr/lib/dodai/", "(dodai)"),
    ("usr/lib/python3", "(compiled Python)"),
    ("etc/ssl/certs/", "(certificates in use)"),
)
_OTHERWISE = "(made at installation)"


@dataclasses.dataclass(frozen=True, slots=True)
class Package:
    """An installed package, with what dpkg's status says of it."""

    name: str
    priority: str
    essential: bool
    needs: tuple[tuple[str, ...], ...]  # Depends and Pre-Depends: alternatives
    provides: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """An image's regular files (path without a leading slash → bytes; a hard link has none), who brought each, its packages."""

    files: Mapping[str, int]
    owners: Mapping[str, str]
    packages: Mapping[str, Package]

    @property
    def total(self) -> int:
        """The bytes of all files."""
        return sum(self.files.values())

    def by_package(self) -> dict[str, int]:
        """Bytes by package; what no package brought stands under a word in brackets."""
        found = dict.fromkeys(self.packages, 0)
        for path, size in self.files.items():
            owner = self.owners.get(path) or _unowned(path)
            found[owner] = found.get(owner, 0) + size
        return found

    def by_folder(self, depth: int = 2) -> dict[str, int]:
        """Bytes by folder, `depth` names deep."""
        found: dict[str, int] = {}
        for path, size in self.files.items():
            folder = "/" + "/".join(path.split("/")[:-1][:depth])
            found[folder] = found.get(folder, 0) + size
        return found

    def base(self) -> frozenset[str]:
        """The packages that a minbase root of the same suite has."""
        provided: dict[str, str] = {}
        for package in self.packages.values():
            for name in (*package.provides, package.name):
                provided.setdefault(name, package.name)
        wanted = [p.name for p in self.packages.values() if p.essential or p.priority == "required" or p.name == "apt"]
        found: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in found:
                continue
            found.add(name)
            for alternatives in self.packages[name].needs:
                wanted += [provided[word] for word in alternatives if word in provided][:1]
        return frozenset(found)


def read(tar: Path) -> Contents:
    """Read an image's flat tar, of which only dpkg's own files are looked into.

    Raises errors.UsageError when there is no dpkg in it.
    """
    files: dict[str, int] = {}
    lists: dict[str, list[str]] = {}
    status = ""
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            if not member.isreg():
                continue
            path = member.name.removeprefix("./")
            files[path] = member.size
            listed = _LIST.fullmatch(path)
            if path == STATUS or listed:
                stream = archive.extractfile(member)
                text = stream.read().decode("utf-8", "replace") if stream else ""
                if listed:
                    lists[listed[1]] = text.splitlines()
                else:
                    status = text
    if not status:
        raise errors.UsageError(
            "cannot tell what brought its files: it has no dpkg", hint="name a Debian image, or one that is made from one"
        )
    owners = {_merged(path.lstrip("/")): package for package, paths in lists.items() for path in paths}
    return Contents(files, {path: owners[path] for path in files if path in owners}, _packages(status))


def _unowned(path: str) -> str:
    return next((word for start, word in _UNOWNED if path.startswith(start)), _OTHERWISE)


def _merged(path: str) -> str:
    return f"usr/{path}" if _MERGED.match(path) else path


def _packages(status: str) -> dict[str, Package]:
    found = {}
    for stanza in status.split("\n\n"):
        fields = dict(_fields(stanza.splitlines()))
        if fields.get("Status", "").endswith(" installed"):
            needs = ",".join(fields[name] for name in ("Pre-Depends", "Depends") if name in fields)
            found[fields["Package"]] = Package(
                name=fields["Package"],
                priority=fields.get("Priority", ""),
                essential=fields.get("Essential") == "yes",
                needs=tuple(tuple(map(_name, group.split("|"))) for group in needs.split(",") if group.strip()),
                provides=tuple(_name(word) for word in fields.get("Provides", "").split(",") if word.strip()),
            )
    return found


def _fields(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """The fields of a stanza that are one line; what we ask for always is (deb-control(5))."""
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and not line.startswith((" ", "\t")):
            yield name, value.strip()


def _name(word: str) -> str:
    """A dependency without its version and architecture."""
    return word.strip().partition(" ")[0].partition(":")[0]
