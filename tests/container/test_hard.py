"""Issue 5, hard: what the built images must not have. One reading of each image's files, then a question each.

The scanners of others are in test_scans.py.
"""

from __future__ import annotations

import re
import tarfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dodai import engine as engines
from dodai import paths
from dodai.features.size import measure

pytestmark = [pytest.mark.container, pytest.mark.root]

KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File")
# The pair that everybody knows, which only --enable-insecure-key and enable_insecure_key let in: docs/how-to/ssh.md.
INSECURE = {"/etc/insecure_key", "/etc/insecure_key.ppk"}
# Everybody writes here, and the sticky bit keeps them from each other's files: POSIX wants the first two, Debian the third.
SHARED = {"/tmp", "/var/tmp", "/run/lock"}
# Not made again when it is missing: the questions and answers of packages, which upgrades in derived images go by.
NO_CACHE = "/var/cache/debconf/"


class Tree:
    """An image's files: path → entry, and the paths of files that hold a private key or a password."""

    def __init__(self, tar: Path) -> None:
        self.entries: dict[str, tarfile.TarInfo] = {}
        self.keys: set[str] = set()
        self.shadow = ""
        with tarfile.open(tar, "r:") as archive:
            for entry in archive:
                path = f"/{entry.name.removeprefix('./').rstrip('/')}"
                self.entries[path] = entry
                if not entry.isreg():
                    continue
                stream = archive.extractfile(entry)
                data = stream.read() if stream else b""
                # Programs have the words too, and cryptographic libraries keys to test themselves with.
                if KEY.search(data) and not data.startswith(b"\x7fELF"):
                    self.keys.add(path)
                if path == "/etc/shadow":
                    self.shadow = data.decode()

    def files(self, below: str) -> set[str]:
        """The paths below a directory that are no directories."""
        return {path for path, entry in self.entries.items() if path.startswith(below) and not entry.isdir()}


@pytest.fixture(scope="module", params=["image", "minimal", "bookworm", "bookworm_minimal"])
def tree(request: pytest.FixtureRequest) -> Iterator[Tree]:
    name: str = request.getfixturevalue(request.param)
    source = next(found for found in engines.available() if found.kind == engines.DOCKER)
    with measure.exported(source, name) as tar:
        yield Tree(tar)


def test_every_file_with_more_rights_is_listed_with_a_reason(tree: Tree) -> None:
    listed = tomllib.loads((paths.image_dir() / "setuid.toml").read_text(encoding="utf-8"))
    for table, bit in (("setuid-root", 0o4000), ("setgid", 0o2000)):
        found = {path for path, entry in tree.entries.items() if entry.mode & bit and not entry.isdir()}
        assert found == {path for path in listed[table] if path in tree.entries}
        assert all(listed[table].values())
        if "/usr/sbin/sshd" in tree.entries:
            # Nothing is listed that the fuller image has not.
            assert found == set(listed[table])
    assert all(tree.entries[path].uid == 0 for path in listed["setuid-root"])


def test_nothing_is_writable_for_all(tree: Tree) -> None:
    found = {path: entry for path, entry in tree.entries.items() if entry.mode & 0o002 and not entry.issym()}
    # What the engine made for the export: dev, and the files it mounts over.
    found = {path: entry for path, entry in found.items() if not path.startswith(("/dev", "/proc", "/sys"))}
    assert set(found) == SHARED
    assert all(entry.mode & 0o1000 for entry in found.values())


def test_no_key_but_the_one_that_everybody_knows(tree: Tree) -> None:
    assert tree.keys == {path for path in INSECURE if path in tree.entries}
    assert ("/usr/sbin/sshd" in tree.entries) == bool(tree.keys)
    assert not [path for path in tree.entries if re.search(r"/ssh_host_|/authorized_keys", path)]


def test_nobody_has_a_password(tree: Tree) -> None:
    passwords = {line.split(":")[0]: line.split(":")[1] for line in tree.shadow.splitlines()}
    assert "root" in passwords
    assert not [user for user, password in passwords.items() if password not in ("*", "!", "!*")]


def test_nothing_tells_one_machine_from_another(tree: Tree) -> None:
    assert "/var/lib/dbus/machine-id" not in tree.entries
    identity = tree.entries.get("/etc/machine-id")
    assert identity is None or identity.size == 0
    assert not tree.files("/var/lib/systemd/random-seed")


def test_no_log_and_no_cache(tree: Tree) -> None:
    assert tree.files("/var/log/") == set()
    assert {path for path in tree.files("/var/cache/") if not path.startswith(NO_CACHE)} == set()
    for place in ("/var/lib/apt/lists/", "/tmp/", "/var/tmp/", "/root/.cache/"):
        assert tree.files(place) == set()
    assert not [path for path in tree.entries if path.endswith(("-old", ".dpkg-new", ".dpkg-tmp"))]


def test_all_of_it_is_owned_by_somebody_who_exists(tree: Tree) -> None:
    strangers = {path for path, entry in tree.entries.items() if entry.uid >= 1000 and entry.uid != 65534}
    assert strangers == set()
