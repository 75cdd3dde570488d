"""What was installed: each package with its version, and the file of the archive that it came from.

Read from what the first run of mmdebstrap left: the stanzas that apt verified down from the archive's signature.
"""

from __future__ import annotations

import dataclasses
import email.utils
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from dodai import errors


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Package:
    """One package of the image. What dodai made itself has no `file`, and with it neither size nor sum."""

    name: str
    version: str
    architecture: str  # Debian's name, or "all"
    file: str = ""  # below the archive's address
    size: int = 0  # bytes of the file
    sha256: str = ""  # of the file, in hexadecimal
    source: str = ""  # the source package, when it has another name
    source_version: str = ""  # its version, when it has another one
    maintainer: str = ""
    homepage: str = ""
    priority: str = ""


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """Yield the stanzas of a deb822 text (deb822(5)), field names in small letters; lines that go on are joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] += f"\n{line[1:]}"
        elif not line.startswith("#"):
            name, _, value = line.partition(":")
            name = name.lower()
            fields[name] = value.strip()
    if fields:
        yield fields


def parse(text: str) -> tuple[Package, ...]:
    """Return the packages of the archive's stanzas, sorted. Raises errors.BuildFailed for one that lacks what it must have."""
    return tuple(sorted({_package(fields) for fields in stanzas(text) if "package" in fields}))


def dates(text: str) -> tuple[int, ...]:
    """Return the dates in the lines of `text` in seconds since 1970, sorted."""
    return tuple(sorted(int(email.utils.parsedate_to_datetime(line).timestamp()) for line in text.splitlines()))


def digest(packages: Iterable[Package]) -> str:
    """Return sha256:… of the packages: the same for two images exactly when both are made of the same files of the archive."""
    lines = "".join(f"{one.name} {one.version} {one.architecture} {one.sha256}\n" for one in sorted(packages))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """What is not the same in two lists of packages."""

    added: tuple[Package, ...]
    removed: tuple[Package, ...]
    changed: tuple[tuple[Package, Package], ...]  # before, after

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def lines(self) -> list[str]:
        """Return one line for each package."""
        return [
            *(f"{before.name} {before.version} -> {after.version}" for before, after in self.changed),
            *(f"{one.name} {one.version} is new" for one in self.added),
            *(f"{one.name} {one.version} is gone" for one in self.removed),
        ]


def difference(before: Iterable[Package], after: Iterable[Package]) -> Difference:
    """Compare by name and version."""
    old, new = {one.name: one for one in before}, {one.name: one for one in after}
    both = sorted(old.keys() & new.keys())
    return Difference(
        added=tuple(new[name] for name in sorted(new.keys() - old.keys())),
        removed=tuple(old[name] for name in sorted(old.keys() - new.keys())),
        changed=tuple((old[name], new[name]) for name in both if old[name].version != new[name].version),
    )


def read(path: Path) -> tuple[Package, ...]:
    """Read the file of stanzas. Raises errors.BuildFailed when it is not there or not whole."""
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise errors.BuildFailed(f"cannot learn which packages were installed: {error.strerror}") from None


def _package(fields: dict[str, str]) -> Package:
    source, _, source_version = fields.get("source", "").partition(" ")
    try:
        return Package(
            name=fields["package"],
            version=fields["version"],
            architecture=fields["architecture"],
            file=fields.get("filename", ""),
            size=int(fields["size"]) if "filename" in fields else 0,
            sha256=fields["sha256"] if "filename" in fields else "",
            source=source,
            source_version=source_version.strip("()"),
            maintainer=fields.get("maintainer", ""),
            homepage=fields.get("homepage", ""),
            priority=fields.get("priority", ""),
        )
    except (KeyError, ValueError) as error:
        raise errors.BuildFailed(f'cannot learn where the package "{fields["package"]}" is from: {error} is missing') from None
