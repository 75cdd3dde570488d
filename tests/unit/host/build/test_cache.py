"""Kept packages: whole or not there, never more than the limit, never needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dodai.features.build import cache, layer


@pytest.fixture
def kept(tmp_path: Path) -> cache.Cache:
    return cache.Cache(tmp_path / "cache", limit=3000)


def put(kept: cache.Cache, name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    kept.put(name, {"file": tmp_path / "file"})
    (tmp_path / "file").unlink()


def get(kept: cache.Cache, name: str) -> bytes | None:
    with kept.get(name) as found:
        return None if found is None else (found / "file").read_bytes()


def test_what_was_put_is_given(kept: cache.Cache, tmp_path: Path) -> None:
    assert get(kept, "a") is None
    put(kept, "a", b"one", tmp_path)
    assert get(kept, "a") == b"one"
    assert [path.name for path in kept.directory.iterdir()] == ["a"]


def test_the_first_of_two_stays(kept: cache.Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(kept, "a", b"one", tmp_path)
    put(kept, "a", b"two", tmp_path)
    assert get(kept, "a") == b"one"
    assert [path.name for path in kept.directory.iterdir()] == ["a"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("damage", [b"on", b"onf", b""])
def test_a_damaged_entry_is_not_given_and_can_be_put_again(kept: cache.Cache, tmp_path: Path, damage: bytes) -> None:
    put(kept, "a", b"one", tmp_path)
    (kept.directory / "a" / "file").write_bytes(damage)
    assert get(kept, "a") is None
    put(kept, "a", b"one", tmp_path)
    assert get(kept, "a") == b"one"


def test_what_was_not_used_for_longest_goes(kept: cache.Cache, tmp_path: Path) -> None:
    for age, name in enumerate(("a", "b", "c")):
        put(kept, name, b"x" * 900, tmp_path)
        os.utime(kept.directory / name, (1000 + age, 1000 + age))
    assert get(kept, "a") is not None
    put(kept, "d", b"x" * 900, tmp_path)
    assert get(kept, "b") is None
    assert None not in (get(kept, "a"), get(kept, "c"), get(kept, "d"))


def test_more_than_the_limit_is_not_kept(kept: cache.Cache, tmp_path: Path) -> None:
    put(kept, "a", b"x" * 3001, tmp_path)
    assert get(kept, "a") is None


def test_nothing_is_removed_while_another_build_reads(kept: cache.Cache, tmp_path: Path) -> None:
    put(kept, "a", b"x" * 2000, tmp_path)
    with kept.get("a") as found:
        assert found is not None
        put(kept, "b", b"x" * 2000, tmp_path)
        assert (found / "file").exists()
    put(kept, "c", b"x" * 2000, tmp_path)
    assert get(kept, "a") is None


def test_a_place_that_cannot_be_written_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "occupied").touch()
    put(cache.Cache(tmp_path / "occupied" / "cache"), "a", b"one", tmp_path)
    assert "warning: cannot keep the packages" in capsys.readouterr().err


def test_the_key_follows_facts_contents_modes_and_names(tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    (inputs / "install").write_text("one")
    seen = [cache.key({"suite": "trixie"}, inputs), cache.key({"suite": "bookworm"}, inputs)]
    (inputs / "install").chmod(0o755)
    seen.append(cache.key({"suite": "trixie"}, inputs))
    (inputs / "install").write_text("two")
    seen.append(cache.key({"suite": "trixie"}, inputs))
    (inputs / "install").rename(inputs / "instal")
    seen.append(cache.key({"suite": "trixie"}, inputs))
    assert len(set(seen)) == len(seen)


def test_compressed_pieces_are_kept_with_those_that_are_used(tmp_path: Path) -> None:
    kept = cache.Cache(tmp_path / "cache")
    kept.directory.mkdir()
    with cache.members(kept, "a") as first:
        assert first is not None
        packed = first.gzip(b"piece")
        first.gzip(b"gone")
    with cache.members(kept, "a") as second:
        assert second is not None
        assert sorted(second.known.values()) == sorted([packed, layer.Members().gzip(b"gone")])
        assert second.gzip(b"piece") == packed
    assert [path for path in kept.directory.iterdir() if path.name.startswith(".new-")] == []
    with cache.members(None, "a") as nothing:
        assert nothing is None


def test_pieces_that_cannot_be_kept_cost_nothing(tmp_path: Path) -> None:
    (tmp_path / "occupied").touch()
    with cache.members(cache.Cache(tmp_path / "occupied" / "cache"), "a") as use:
        assert use is not None
        use.gzip(b"piece")
    # Nothing was compressed: nothing stands in the way of the next build's.
    kept = cache.Cache(tmp_path / "cache")
    kept.directory.mkdir()
    with cache.members(kept, "a"):
        pass
    assert list(kept.directory.iterdir()) == []
