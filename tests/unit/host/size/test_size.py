"""Issue 5, small: what brought which bytes, what an image adds, the picture, the budgets."""

from __future__ import annotations

import io
import tarfile
import xml.etree.ElementTree
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dodai import errors, paths
from dodai.features.build import packages
from dodai.features.size import budgets, compare, contents, page, table, treemap

STATUS = """\
Package: base-files
Essential: yes
Status: install ok installed
Priority: required
Pre-Depends: awk

Package: mawk
Status: install ok installed
Priority: required
Provides: awk

Package: apt
Status: install ok installed
Priority: important
Depends: libapt (>= 3), gone | base-files:any

Package: libapt
Status: install ok installed
Priority: optional

Package: tool
Status: install ok installed
Priority: optional
Depends: libapt

Package: removed
Status: deinstall ok config-files
Priority: required
"""
LISTS = {
    "base-files": "/.\n/bin/base\n",
    "mawk": "/usr/bin/mawk\n",
    "libapt:amd64": "/usr/lib/libapt.so\n",
    "tool": "/usr/bin/tool\n",
}


def root(directory: Path, files: Mapping[str, int], status: str = STATUS) -> Path:
    """A root as a tar: dpkg's files, and others of those sizes."""
    tar = directory / "root.tar"
    given = {path: b"x" * size for path, size in files.items()}
    if status:
        given[contents.STATUS] = status.encode()
    given |= {f"var/lib/dpkg/info/{name}.list": text.encode() for name, text in LISTS.items()}
    with tarfile.open(tar, "w") as archive:
        for path, data in given.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("usr/bin/again")
        link.type, link.linkname = tarfile.LNKTYPE, "usr/bin/tool"
        archive.addfile(link)
    return tar


FILES = {"usr/bin/base": 1000, "usr/bin/mawk": 200, "usr/lib/libapt.so": 300, "usr/bin/tool": 4000, "usr/lib/dodai/x.py": 50}


def test_each_file_is_its_packages(tmp_path: Path) -> None:
    found = contents.read(root(tmp_path, FILES))
    sizes = found.by_package()
    # /bin/base in the package's list is /usr/bin/base since /usr was merged; a hard link has no bytes of its own.
    assert {name: sizes[name] for name in ("base-files", "mawk", "libapt", "tool", "(dodai)")} == {
        "base-files": 1000,
        "mawk": 200,
        "libapt": 300,
        "tool": 4000,
        "(dodai)": 50,
    }
    assert sum(sizes.values()) == sum(found.by_folder().values()) == found.total
    assert found.by_folder()["/usr/bin"] == 5200


def test_the_base_is_what_minbase_takes(tmp_path: Path) -> None:
    found = contents.read(root(tmp_path, FILES))
    assert found.base() == {"base-files", "mawk", "apt", "libapt"}
    assert "removed" not in found.packages


def test_parts_add_up(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.mkdir()
    large.mkdir()
    one = contents.read(root(small, {**FILES, "usr/bin/tool": 0}))
    two = contents.read(root(large, {**FILES, "usr/bin/mawk": 100}))
    parts = compare.parts([("small", one), ("large", two)])
    assert [part.name for part in parts] == [compare.BASE, "small", "large"]
    assert sum(part.total for part in parts) == two.total
    assert sum(part.total for part in parts[:2]) == one.total
    # What shrank counts below zero, or the sums would lie.
    assert parts[2].packages == {"tool": 4000, "mawk": -100}
    assert "all of it, in MB" in table.text(parts)


def test_a_root_without_dpkg_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="no dpkg"):
        contents.read(root(tmp_path, FILES, status=""))


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=60).map(lambda sizes: sorted(sizes, reverse=True)))
def test_rectangles_fill_the_box_in_proportion(sizes: list[float]) -> None:
    box = treemap.Box(10, 20, 300, 200)
    found = treemap.squarify(sizes, box)
    for size, place in zip(sizes, found, strict=True):
        assert place.width * place.height == pytest.approx(size / sum(sizes) * 60_000, rel=1e-6)
        assert box.x - 1e-6 <= place.x
        assert box.y - 1e-6 <= place.y
        assert place.x + place.width <= 310 + 1e-3
        assert place.y + place.height <= 220 + 1e-3
    for at, one in enumerate(found):
        for other in found[at + 1 :]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            along = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert across < 1e-3 or along < 1e-3, (one, other)


def test_the_picture_is_xml_and_names_what_it_shows(tmp_path: Path) -> None:
    found = contents.read(root(tmp_path, FILES))
    text = treemap.svg(compare.parts([("a<b", found)]), title="A & B")
    tree = xml.etree.ElementTree.fromstring(text)
    said = [element.text or "" for element in tree.iter("{http://www.w3.org/2000/svg}title")]
    assert "A & B" in said
    assert any(words.startswith("tool: ") for words in said)
    assert text in page.html(compare.parts([("a<b", found)]), title="A & B")


def test_every_built_suite_and_variant_has_a_budget() -> None:
    path = paths.image_dir() / packages.FILE
    known = budgets.load(path)
    assert {f"{suite}-{variant}" for suite in ("trixie", "bookworm") for variant in ("default", "minimal")} <= set(known)
    # The goals that hold whatever is added.
    assert known["trixie-default"]["unpacked"] <= 160_000_000
    assert known["trixie-default"]["zstd"] <= 42_000_000
    assert known["trixie-minimal"]["unpacked"] <= 105_000_000
    assert known["trixie-minimal"]["zstd"] <= 30_000_000


@pytest.mark.parametrize("wrong", ['unpacked = "many"', 'zip = "1"', ""])
def test_a_budget_that_is_no_number_is_refused(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / packages.FILE
    path.write_text(f'[budgets.trixie-default]\n{wrong}\ngzip = "1"\nzstd = "1"\n', encoding="utf-8")
    with pytest.raises(errors.BuildFailed, match=r"budgets\.trixie-default"):
        budgets.load(path)


def test_what_is_passed_is_said_with_by_how_much() -> None:
    kept, passed = budgets.check("x", {"unpacked": 10_000_000, "gzip": 4_000_000}, {"unpacked": 9_000_000, "gzip": 5_500_000})
    assert kept.ok
    assert not passed.ok
    assert str(passed) == "x: gzip 5.5 MB of 4.0 MB, 1.5 MB too much"


@pytest.mark.parametrize("measure", ["gzip"])
def test_packed_counts_bytes_and_leaves_nothing(tmp_path: Path, measure: str) -> None:
    tar = tmp_path / "x.tar"
    tar.write_bytes(b"0" * 1_000_000)
    assert 0 < budgets.packed(tar, measure) < 10_000
    assert list(tmp_path.iterdir()) == [tar]
