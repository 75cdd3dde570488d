"""Issue 5, on any base: the overlay is what it says, the same bytes twice, and has nothing that a base has too."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from dodai import errors, paths
from dodai.features.build import keyring, packages
from dodai.features.overlay import compiled, make, tree

ROOTFS = paths.image_dir() / "rootfs"


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    target = tmp_path / "tree"
    target.mkdir()
    tree.stage(ROOTFS, target)
    return target


def test_it_has_every_program_and_module_of_the_image(staged: Path) -> None:
    programs = {path.name for path in (ROOTFS / "usr/sbin").iterdir()}
    # What needs Debian's packages (sendmail: cron), or is a policy of the image.
    left = programs - {path.name for path in (staged / "usr/sbin").iterdir()}
    assert left == {"policy-rc.d", "enable_insecure_key", "sendmail"}
    modules = {path.relative_to(ROOTFS) for path in (ROOTFS / tree.GUEST).rglob("*.py")}
    assert modules == {path.relative_to(staged) for path in staged.rglob("*.py")}


def test_it_has_nothing_that_a_base_has_too(staged: Path) -> None:
    files = {str(path.relative_to(staged)) for path in staged.rglob("*") if not path.is_dir()}
    assert all(name.startswith(("usr/lib/dodai/", "usr/sbin/", "usr/bin/with_env")) for name in files)
    assert not (staged / "etc/service").exists()


def test_modes_do_not_depend_on_the_checkout(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        target = tmp_path / "tree"
        target.mkdir()
        tree.stage(ROOTFS, target)
    finally:
        os.umask(old)
    modes = {path.stat().st_mode & 0o7777 for path in target.rglob("*") if not path.is_symlink()}
    assert modes == {0o755, 0o644}
    assert (target / "usr/sbin/my_init").stat().st_mode & 0o111


def test_the_tar_is_sorted_and_names_nobody(staged: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.tar", tmp_path / "two.tar"
    tree.pack(staged, one, epoch=1_700_000_000)
    for path in staged.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    tree.pack(staged, two, epoch=1_700_000_000)
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as archive:
        members = archive.getmembers()
    assert [member.name.split("/") for member in members] == sorted(member.name.split("/") for member in members)
    assert {(member.uid, member.gid, member.uname, member.mtime) for member in members} == {(0, 0, "", 1_700_000_000)}


def test_every_suite_is_compiled_for_or_named_as_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = packages.load(paths.image_dir() / packages.FILE)
    monkeypatch.setattr(keyring, "provide", lambda *_words, **_named: None)
    found, left_out = compiled.usable(catalogue)
    assert ([suite.name for suite in found], left_out) == (list(catalogue.suites), {})

    def fails(suite: packages.Suite, mirror: str) -> None:
        raise errors.MirrorUnreachable(f"cannot fetch the keys of {suite.title} from {mirror}")

    monkeypatch.setattr(keyring, "provide", fails)
    found, left_out = compiled.usable(catalogue)
    assert [suite.name for suite in found] == [name for name in catalogue.suites if name != "noble"]
    assert left_out == {"Ubuntu 24.04": "cannot fetch the keys of Ubuntu 24.04 from http://archive.ubuntu.com/ubuntu"}


def test_the_configuration_says_what_it_is() -> None:
    told = json.loads(make.config("sha256:0", 0))
    assert told["config"]["Labels"]["dodai.variant"] == "overlay"
    assert told["rootfs"]["diff_ids"] == ["sha256:0"]
    assert told["created"] == "1970-01-01T00:00:00Z"
