"""The keys of a distribution that Debian has no package of."""

import dataclasses
import hashlib
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dodai import errors
from dodai.features.build import keyring, packages


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """A mirror that has one package, with one file."""
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text("Package: k\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: k\n")
    target = tree / str(tmp_path / "installed/keys.gpg").lstrip("/")
    target.parent.mkdir(parents=True)
    target.write_bytes(b"keys")
    (tmp_path / "www").mkdir()
    subprocess.run(["dpkg-deb", "--build", tree, tmp_path / "www/k.deb"], check=True, capture_output=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path / "www"))  # type: ignore[arg-type]

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def suite(tmp_path: Path, sha256: str) -> packages.Suite:
    distribution = packages.Distribution(
        str(tmp_path / "installed/keys.gpg"), "", "x.sources", keyring_deb="k.deb", keyring_sha256=sha256
    )
    return packages.Suite("noble", "Ubuntu 24.04", distribution, ())


def checksum(tmp_path: Path) -> str:
    return hashlib.sha256((tmp_path / "www/k.deb").read_bytes()).hexdigest()


def test_fetched_verified_and_put_in_place(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    keyring.provide(suite(tmp_path, checksum(tmp_path)), mirror=mirror + "/")
    assert (tmp_path / "installed/keys.gpg").read_bytes() == b"keys"
    assert [path.name for path in (tmp_path / "installed").iterdir()] == ["keys.gpg"]


def test_another_package_is_not_believed(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(errors.BuildFailed, match="its checksum is not the one"):
        keyring.provide(suite(tmp_path, "0" * 64), mirror=mirror)
    assert not (tmp_path / "installed").exists()


def test_a_mirror_out_of_reach_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(errors.MirrorUnreachable, match=r"127\.0\.0\.1:1/k\.deb"):
        keyring.provide(suite(tmp_path, "0" * 64), mirror="http://127.0.0.1:1")


def test_a_plain_user_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(errors.BuildFailed, match="cannot verify the packages of Ubuntu") as caught:
        keyring.provide(suite(tmp_path, "0" * 64), mirror="http://127.0.0.1:1")
    assert "build once as root" in caught.value.hint


def test_what_is_there_is_used(tmp_path: Path) -> None:
    there = tmp_path / "there.gpg"
    there.touch()
    one = suite(tmp_path, "")
    one = dataclasses.replace(one, distribution=dataclasses.replace(one.distribution, keyring=str(there)))
    keyring.provide(one, mirror="http://127.0.0.1:1")
