"""image/packages.toml: the suites, and the packages of each variant with the reason for each.

The file's own comments say what its tables mean. Anything in it that is not known here is an error: a misspelt key would
otherwise be an image that silently lacks something.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from dodai import errors
from dodai.features.build import names

FILE = "packages.toml"

# Which tables of [packages] a variant has. `init` is missing: image/install brings it, after what it needs first.
VARIANTS: Mapping[str, tuple[str, ...]] = {"default": ("base", "tools", *names.SERVICES), "minimal": ("base",)}
_TABLES = ("base", "init", "tools", *names.SERVICES)
_SUITE_KEYS = ("name", "default", "mirror", "security", "components", "sysuser-helper")


@dataclasses.dataclass(frozen=True, slots=True)
class Distribution:
    """Where a distribution keeps what apt needs to trust and find it."""

    keyring: str  # the same path on the host that builds and in the image
    keyring_package: str  # "" where Debian has no package of it
    sources: str  # the file in /etc/apt/sources.list.d that its own images have
    keyring_deb: str = ""  # where its mirrors have the package of the keyring, when Debian has none
    keyring_sha256: str = ""


# The first word of a suite's name tells the distribution.
_DISTRIBUTIONS = {
    "Debian": Distribution("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", "debian.sources"),
    "Ubuntu": Distribution(
        "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
        "",
        "ubuntu.sources",
        keyring_deb="pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb",
        keyring_sha256="36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8",
    ),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One archive that packages come from."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    keyring: str


@dataclasses.dataclass(frozen=True, slots=True)
class Suite:
    """A release of a distribution; `sources` has the main archive with its updates first."""

    name: str
    title: str
    distribution: Distribution
    sources: tuple[Source, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole file."""

    suites: Mapping[str, Suite]
    default_suite: str
    tables: Mapping[str, Mapping[str, str]]  # table → package → reason
    variants: tuple[str, ...] = tuple(VARIANTS)

    def select(self, variant: str, without: Iterable[str]) -> tuple[str, ...]:
        """Return what the bootstrap installs: sorted, without what image/install brings itself."""
        left_out = set(without)
        tables = (table for table in VARIANTS[variant] if table not in left_out)
        return tuple(sorted({package for table in tables for package in self.tables[table]}))


def load(path: Path) -> Catalogue:
    """Read the file. Raises errors.ImageSourceMissing when it is missing, errors.BuildFailed when it is not as it should be."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise errors.ImageSourceMissing(
            f'cannot find "{path}"', hint="install Dodai again: this installation is not whole"
        ) from None
    except (OSError, UnicodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(path, str(error)) from None
    # The budgets are read by features/size/budgets.py.
    _only(path, "the file", document, ("suites", "packages", "budgets"))
    tables = document["packages"]
    _only(path, "[packages]", tables, _TABLES)
    for table, entries in tables.items():
        for package, reason in entries.items():
            if not isinstance(reason, str) or not reason:
                raise _wrong(path, f'[packages.{table}] does not say why "{package}" is needed')
    suites = {name: _suite(path, name, entry) for name, entry in document["suites"].items()}
    defaults = [name for name, entry in document["suites"].items() if entry["default"] == "true"]
    if len(defaults) != 1:
        raise _wrong(path, f"{len(defaults)} suites say that they are the default, and it takes one")
    return Catalogue(suites=suites, default_suite=defaults[0], tables=tables)


def _suite(path: Path, name: str, entry: Mapping[str, str]) -> Suite:
    where = f"[suites.{name}]"
    _only(path, where, entry, _SUITE_KEYS)
    word = entry["name"].partition(" ")[0]
    if word not in _DISTRIBUTIONS:
        raise _wrong(path, f'{where} is of "{word}", whose keyring is not known')
    distribution, components = _DISTRIBUTIONS[word], tuple(entry["components"].split())
    main, security = [name, f"{name}-updates"], f"{name}-security"
    if not entry["security"]:
        main.append(security)
    sources = [Source(entry["mirror"], tuple(main), components, distribution.keyring)]
    if entry["security"]:
        sources.append(Source(entry["security"], (security,), components, distribution.keyring))
    return Suite(name=name, title=entry["name"], distribution=distribution, sources=tuple(sources))


def _only(path: Path, where: str, found: Mapping[str, object], known: Iterable[str]) -> None:
    expected = set(known)
    if unknown := sorted(set(found) - expected):
        raise _wrong(path, f'{where} has the unknown key "{unknown[0]}"')
    if missing := sorted(expected - set(found)):
        raise _wrong(path, f'{where} lacks the key "{missing[0]}"')


def _wrong(path: Path, why: str) -> errors.BuildFailed:
    return errors.BuildFailed(f'cannot read "{path}": {why}', hint="compare it with the comments at its top")
