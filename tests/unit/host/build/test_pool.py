"""A6, bad input: a pool has the lock's files and no others; what is missing is fetched once, what is wrong is named."""

from __future__ import annotations

import dataclasses
import hashlib
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from dodai import errors
from dodai.features.build import inventory, lock, packages, pool
from tests.unit.host.build import archive_of

SUITE = packages.Suite("trixie", "Debian 13", packages.Distribution("/keyring", "", "debian.sources"), ())


def fill(directory: Path, made: lock.Lock, *addresses: str) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    pool.fill(directory, made, addresses, lambda done, of: told.append((done, of)))
    return told


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def test_what_is_missing_is_fetched_once(tmp_path: Path) -> None:
    made = archive_of.locked(archive_of.package(tmp_path, "one"), archive_of.package(tmp_path, "two", "3:2.0~rc1-1"))
    with archive_of.mirror(tmp_path) as mirror:
        assert fill(tmp_path / "mine", made, mirror.address) == [(1, 2), (2, 2)]
        assert names(tmp_path / "mine") == ["one_1.0-1_all.deb", "two_2.0~rc1-1_all.deb"]
        asked = len(mirror.asked)
        fill(tmp_path / "mine", made, mirror.address)
        assert len(mirror.asked) == asked
    # And never again: the mirror is gone.
    fill(tmp_path / "mine", made, mirror.address)


def test_the_next_mirror_is_asked_for_what_the_first_lacks(tmp_path: Path) -> None:
    made = archive_of.locked(archive_of.package(tmp_path, "one"))
    (tmp_path / "empty").mkdir()
    with archive_of.mirror(tmp_path / "empty") as first, archive_of.mirror(tmp_path) as second:
        fill(tmp_path / "mine", made, first.address, second.address)
    assert names(tmp_path / "mine") == ["one_1.0-1_all.deb"]


def test_a_version_that_is_gone_is_named_with_where_it_still_is(tmp_path: Path) -> None:
    made = archive_of.locked(
        dataclasses.replace(archive_of.package(tmp_path, "one"), version="0.9", file="pool/one_0.9_all.deb")
    )
    with archive_of.mirror(tmp_path) as mirror, pytest.raises(errors.MirrorUnreachable) as caught:
        fill(tmp_path / "mine", made, mirror.address)
    assert '"one" 0.9: no mirror has' in caught.value.message
    assert "--mirror http://snapshot.debian.org/archive/debian/20261121T235959Z" in caught.value.hint
    assert names(tmp_path / "mine") == []


def test_a_tampered_file_is_refused_and_left_to_be_looked_at(tmp_path: Path) -> None:
    made = archive_of.locked(archive_of.package(tmp_path, "one"), archive_of.package(tmp_path, "two"))
    with archive_of.mirror(tmp_path) as mirror:
        fill(tmp_path / "mine", made, mirror.address)
        with (tmp_path / "mine/two_1.0-1_all.deb").open("ab") as file:
            file.write(b"!")
        with pytest.raises(errors.BuildFailed) as caught:
            fill(tmp_path / "mine", made, mirror.address)
    assert '"two"' in caught.value.message
    assert f"the lock says {made.packages[1].sha256}" in caught.value.message
    assert (tmp_path / "mine/two_1.0-1_all.deb").read_bytes().endswith(b"!")


def test_a_mirror_with_other_bytes_is_refused(tmp_path: Path) -> None:
    made = archive_of.locked(dataclasses.replace(archive_of.package(tmp_path, "one"), sha256="0" * 64))
    with archive_of.mirror(tmp_path) as mirror, pytest.raises(errors.BuildFailed, match='"one"') as caught:
        fill(tmp_path / "mine", made, mirror.address)
    assert "--mirror" in caught.value.hint
    assert names(tmp_path / "mine") == []


def test_a_mirror_that_dies_half_way_leaves_what_is_whole(tmp_path: Path) -> None:
    many = [archive_of.package(tmp_path, f"p{number}") for number in range(8)]
    made = archive_of.locked(*many)
    with archive_of.mirror(tmp_path, dies_after=3) as mirror, pytest.raises(errors.MirrorUnreachable) as caught:
        fill(tmp_path / "mine", made, mirror.address)
    assert caught.value.message.startswith(f'cannot fetch "{mirror.address}/pool/')
    assert "try again" in caught.value.hint
    sums = {one.file.rpartition("/")[2]: one.sha256 for one in many}
    for name in names(tmp_path / "mine"):
        assert hashlib.sha256((tmp_path / "mine" / name).read_bytes()).hexdigest() == sums[name]
    with archive_of.mirror(tmp_path) as mirror:
        fill(tmp_path / "mine", made, mirror.address)
    assert len(names(tmp_path / "mine")) == 8


def test_a_file_that_ends_early_is_not_kept(tmp_path: Path) -> None:
    made = archive_of.locked(archive_of.package(tmp_path, "one"))
    with archive_of.mirror(tmp_path, breaks="one_") as mirror, pytest.raises(errors.MirrorUnreachable, match="one_1"):
        fill(tmp_path / "mine", made, mirror.address)
    assert names(tmp_path / "mine") == []


def test_a_pool_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    with pytest.raises(errors.BuildFailed, match="cannot make the pool"):
        fill(tmp_path / "occupied" / "pool", archive_of.locked())


def test_the_pool_is_served_as_an_archive(tmp_path: Path) -> None:
    one = archive_of.package(tmp_path, "one")
    made = archive_of.locked(one)
    with archive_of.mirror(tmp_path) as mirror:
        fill(tmp_path / "mine", made, mirror.address)
    with pool.serve(tmp_path / "mine", made, SUITE) as address:
        release = get(f"{address}/dists/trixie/Release").decode()
        index = get(f"{address}/dists/trixie/main/binary-amd64/Packages")
        assert hashlib.sha256(get(f"{address}/{one.file}")).hexdigest() == one.sha256
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(f"{address}/etc/passwd")
        caught.value.close()
    assert f"{hashlib.sha256(index).hexdigest()} {len(index)} main/binary-amd64/Packages" in release
    assert "Codename: trixie\n" in release
    # The priority is the archive's, not the author's: mmdebstrap chooses by it.
    assert inventory.parse(index.decode()) == (dataclasses.replace(one, maintainer="Nobody <nobody@example.org>"),)


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        data: bytes = answer.read()
    return data
