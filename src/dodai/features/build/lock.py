"""The lock: the exact files of the archive that an image is made of, image/lock/SUITE-ARCHITECTURE.lock.

It is TOML with one line a package, so that a change of it can be read in a review. The sums come from indices that apt verified
down from the archive's signature; whoever builds from the lock trusts the lock and needs no signature any more.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dodai import errors
from dodai.features.build import inventory, packages

_HEAD = """\
# What the image is made of: written by `dodai build --lock`, built from by `dodai build --locked`.
"""
_FIELDS = ("version", "architecture", "priority", "size", "sha256", "file")


@dataclasses.dataclass(frozen=True, slots=True)
class Lock:
    """A lock. `epoch` is the date of the newest Release file that was used, in seconds since 1970."""

    suite: str
    architecture: str
    variant: str
    without: tuple[str, ...]
    epoch: int
    sources: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]  # address, suites, components
    packages: tuple[inventory.Package, ...]

    @property
    def day(self) -> str:
        """Return the date of the archive."""
        return datetime.datetime.fromtimestamp(self.epoch, datetime.UTC).strftime("%Y-%m-%d")


def place(image: Path, suite: str, architecture: str) -> Path:
    """Return where the lock of a suite is kept."""
    return image / "lock" / f"{suite}-{architecture}.lock"


def read(path: Path, *, suite: str, architecture: str) -> Lock:
    """Read a lock; raises errors.BuildFailed when it is missing, not whole, or of another suite or architecture."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        lock = _lock(document)
    except FileNotFoundError:
        raise errors.BuildFailed(
            f'cannot build from the lock "{path}": it is not there', hint="make one: dodai build --lock"
        ) from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise errors.BuildFailed(f'cannot read the lock "{path}": {why}', hint="make a new one: dodai build --lock") from None
    for what, found, wanted in (("suite", lock.suite, suite), ("architecture", lock.architecture, architecture)):
        if found != wanted:
            raise errors.BuildFailed(
                f'cannot build {wanted} from the lock "{path}": its {what} is {found}', hint="name another: --lock-file FILE"
            )
    return lock


def write(path: Path, lock: Lock) -> None:
    """Write a lock in the place of an older one, in one step. Raises errors.BuildFailed where that is not possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".lock-", encoding="utf-8", delete=False) as file:
            try:
                file.write(text(lock))
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink()
                raise
    except OSError as error:
        raise errors.BuildFailed(
            f'cannot write the lock "{path}": {error.strerror or error}', hint="name another place: --lock-file FILE"
        ) from None


def text(lock: Lock) -> str:
    """Return the lock as it is written; the same lock gives the same text."""
    lines = [
        _HEAD,
        f"suite = {_quoted(lock.suite)}",
        f"architecture = {_quoted(lock.architecture)}",
        f"variant = {_quoted(lock.variant)}",
        f"without = {_list(lock.without)}",
        f"epoch = {lock.epoch}  # {lock.day}",
    ]
    for uri, suites, components in lock.sources:
        lines += ["", "[[source]]", f"uri = {_quoted(uri)}", f"suites = {_list(suites)}", f"components = {_list(components)}"]
    lines += ["", "[package]"]
    for one in lock.packages:
        values = {field: getattr(one, field) for field in _FIELDS}
        row = ", ".join(f"{field} = {value if isinstance(value, int) else _quoted(value)}" for field, value in values.items())
        lines.append(f"{_quoted(one.name)} = {{ {row} }}")
    return "\n".join(lines) + "\n"


def check(lock: Lock, path: Path, wanted: tuple[str, ...]) -> None:
    """Raise errors.BuildFailed naming the first of `wanted` that the lock lacks."""
    known = {one.name for one in lock.packages}
    for name in wanted:
        if name not in known:
            raise errors.BuildFailed(
                f'cannot build from the lock "{path}": it has no package "{name}"',
                hint=f"it was made for the {lock.variant} variant; make a new one: dodai build --lock",
            )


def compare(lock: Lock, path: Path, installed: tuple[inventory.Package, ...]) -> None:
    """Raise errors.BuildFailed naming the first package that was installed and is not the lock's."""
    known = {one.name: one for one in lock.packages}
    for one in installed:
        if not one.file:
            continue  # made by install itself
        wanted = known.get(one.name)
        if wanted is None or (wanted.version, wanted.sha256) != (one.version, one.sha256):
            said = "does not have it" if wanted is None else f"says {wanted.version}, sha256 {wanted.sha256}"
            raise errors.BuildFailed(
                f'cannot use the package "{one.name}" {one.version}, sha256 {one.sha256}: the lock "{path}" {said}',
                hint="make a new one: dodai build --lock",
            )


def sources(lock: Lock, suite: packages.Suite) -> tuple[packages.Source, ...]:
    """Return the archives that the locked image names as its own."""
    keyring = suite.distribution.keyring
    return tuple(packages.Source(uri, suites, components, keyring) for uri, suites, components in lock.sources)


def _lock(document: Mapping[str, Any]) -> Lock:
    return Lock(
        suite=_text(document["suite"]),
        architecture=_text(document["architecture"]),
        variant=_text(document["variant"]),
        without=tuple(document["without"]),
        epoch=int(document["epoch"]),
        sources=tuple((one["uri"], tuple(one["suites"]), tuple(one["components"])) for one in document["source"]),
        packages=tuple(
            sorted(
                inventory.Package(
                    name=name,
                    version=_text(row["version"]),
                    architecture=_text(row["architecture"]),
                    priority=_text(row["priority"]),
                    size=int(row["size"]),
                    sha256=_text(row["sha256"]),
                    file=_file(row["file"]),
                )
                for name, row in document["package"].items()
            )
        ),
    )


def _file(value: object) -> str:
    # It becomes part of a path and of an address.
    path = _text(value)
    if path.startswith("/") or ".." in path.split("/") or not path.endswith(".deb"):
        raise ValueError(f'"{path}" is no file of an archive')
    return path


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_quoted, values))}]"
