"""A home is removed whole, whatever lies in it, and a directory that cannot be emptied is an error and no endless loop."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from guest.floor import kernel
from guest.parts import home


def test_what_links_point_to_stays(tmp_path: Path) -> None:
    top, outside = tmp_path / "top", tmp_path / "outside"
    (top / "a/b/c").mkdir(parents=True)
    outside.mkdir()
    (outside / "kept").write_text("x")
    (top / "a/file").write_text("x")
    (top / "a/b/link").symlink_to(outside)
    (top / "dangling").symlink_to("nowhere")
    os.mkfifo(top / "a/b/fifo")
    home.remove_tree(os.fsencode(top))
    assert not top.exists()
    assert (outside / "kept").exists()


def test_one_that_is_missing_is_fine(tmp_path: Path) -> None:
    home.remove_tree(os.fsencode(tmp_path / "missing"))


def test_an_entry_that_cannot_be_looked_into_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a broken overlay shows it: listed, but not there."""
    (tmp_path / "top/broken").mkdir(parents=True)
    ordinary = kernel.scandir

    @contextmanager
    def scandir(path: bytes) -> Iterator[Any]:
        if path.endswith(b"/broken"):
            raise FileNotFoundError(2, "No such file or directory", path)
        with ordinary(path) as entries:
            yield entries

    monkeypatch.setattr(kernel, "scandir", scandir)
    with pytest.raises(OSError, match="not empty"):
        home.remove_tree(os.fsencode(tmp_path / "top"))
