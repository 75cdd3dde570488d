"""A6, bad input: a lock says what it said when it was written; one that is of no use is refused with its reason."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dodai import errors
from dodai.features.build import inventory, lock, packages

ONE = inventory.Package("libc6", "2.41-12", "amd64", file="pool/main/g/glibc/libc6_2.41-12_amd64.deb", size=9, sha256="a0")
TWO = inventory.Package("libstdc++6", "1:14+b1", "amd64", file="pool/l/libstdc++6_14_amd64.deb", size=7, sha256="b1")
LOCK = lock.Lock(
    suite="trixie",
    architecture="amd64",
    variant="default",
    without=("ssh", "cron"),
    epoch=1_795_252_544,
    sources=(("http://deb.debian.org/debian", ("trixie", "trixie-updates"), ("main",)),),
    packages=(ONE, TWO),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "lock" / "trixie-amd64.lock"
    lock.write(made, LOCK)
    return made


def read(path: Path) -> lock.Lock:
    return lock.read(path, suite="trixie", architecture="amd64")


def test_what_is_written_is_read(path: Path) -> None:
    assert read(path) == LOCK
    assert path.stat().st_mode & 0o777 == 0o644
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_package_is_a_line(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len([line for line in lines if '"libc6"' in line]) == 1
    assert "# 2026-11-21" in path.read_text()


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[package]", "[package", "cannot read the lock"),
        ("epoch = ", "epok = ", "'epoch' is missing"),
        ('version = "2.41-12", ', "", "'version' is missing"),
        ('sha256 = "a0"', "sha256 = 7", "7 is not a text"),
        ("pool/main/g/glibc", "../../etc", "is no file of an archive"),
        ("pool/main/g/glibc/", "/", "is no file of an archive"),
        ('suite = "trixie"', 'suite = "bookworm"', "its suite is bookworm"),
        ('architecture = "amd64"\nvariant', 'architecture = "arm64"\nvariant', "its architecture is arm64"),
    ],
)
def test_a_lock_of_no_use_says_why(path: Path, old: str, new: str, why: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(errors.BuildFailed) as caught:
        read(path)
    assert why in caught.value.message
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_missing_lock_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(errors.BuildFailed, match="it is not there") as caught:
        read(tmp_path / "no.lock")
    assert "dodai build --lock" in caught.value.hint


def test_a_lock_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    with pytest.raises(errors.BuildFailed, match="cannot write the lock"):
        lock.write(tmp_path / "occupied" / "lock", LOCK)
    (tmp_path / "here.lock").mkdir()
    with pytest.raises(errors.BuildFailed, match="cannot write the lock"):
        lock.write(tmp_path / "here.lock", LOCK)
    assert {entry.name for entry in tmp_path.iterdir()} == {"occupied", "here.lock"}


def test_a_package_that_the_lock_lacks_is_named() -> None:
    lock.check(LOCK, Path("x.lock"), ("libc6",))
    with pytest.raises(errors.BuildFailed, match='it has no package "curl"'):
        lock.check(LOCK, Path("x.lock"), ("libc6", "curl"))


@pytest.mark.parametrize("change", [{"version": "2.41-13"}, {"sha256": "00"}, {"name": "libc7"}])
def test_a_package_that_is_not_the_locks_is_named(change: dict[str, str]) -> None:
    own = inventory.Package("dodai-sysuser-helper", "1.6.0", "all")
    lock.compare(LOCK, Path("x.lock"), (ONE, own))
    other = dataclasses.replace(ONE, **change)  # type: ignore[arg-type]
    with pytest.raises(errors.BuildFailed) as caught:
        lock.compare(LOCK, Path("x.lock"), (other,))
    assert f'"{other.name}" {other.version}' in caught.value.message


def test_the_image_keeps_the_archives_of_the_lock() -> None:
    distribution = packages.Distribution("/keyring", "", "debian.sources")
    suite = packages.Suite("trixie", "Debian 13", distribution, ())
    (source,) = lock.sources(LOCK, suite)
    assert (source.uri, source.suites, source.keyring) == (
        "http://deb.debian.org/debian",
        ("trixie", "trixie-updates"),
        "/keyring",
    )
