"""Bad input: a mirror that is out of reach or of no use is named within seconds, with its remedy."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dodai import errors
from dodai.features.build import release

IN_RELEASE = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Debian
Suite: stable
Codename: trixie
Date: Sat, 21 Nov 2026 09:15:44 UTC
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """A mirror on loopback that has the suite trixie and a suite `page`, which is no suite."""
    for suite, text in (("trixie", IN_RELEASE), ("page", "<html>It works!</html>")):
        (tmp_path / "dists" / suite).mkdir(parents=True)
        (tmp_path / "dists" / suite / "InRelease").write_text(text)

    def handler(*args: object) -> Quiet:
        return Quiet(*args, directory=str(tmp_path))  # type: ignore[arg-type]

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_date_is_in_seconds_since_1970(mirror: str) -> None:
    assert release.date(mirror, "trixie") == 1795252544
    assert release.date(f"{mirror}/", "trixie") == 1795252544


def test_a_mirror_without_the_suite_is_named(mirror: str) -> None:
    with pytest.raises(errors.MirrorUnreachable) as caught:
        release.date(mirror, "sarge")
    assert caught.value.message == f'cannot use the mirror "{mirror}": it has no suite "sarge"'
    assert "--mirror" in caught.value.hint


def test_an_answer_that_is_no_release_file_is_named(mirror: str) -> None:
    with pytest.raises(errors.MirrorUnreachable, match="is not a Release file"):
        release.date(mirror, "page")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/debian", "http://mirror.invalid/debian"])
def test_a_mirror_out_of_reach_is_named(uri: str) -> None:
    with pytest.raises(errors.MirrorUnreachable) as caught:
        release.date(uri, "trixie")
    assert caught.value.message.startswith(f'cannot reach the mirror "{uri}": ')
    assert caught.value.exit_code == 124
    assert "--mirror" in caught.value.hint


def test_the_time_is_the_users_or_the_archives() -> None:
    assert release.epoch({}, 7) == 7
    assert release.epoch({"SOURCE_DATE_EPOCH": ""}, 7) == 7
    assert release.epoch({"SOURCE_DATE_EPOCH": "0"}, 7) == 0
    assert release.epoch({"SOURCE_DATE_EPOCH": "1700000000"}, 7) == 1_700_000_000


@pytest.mark.parametrize("wanted", ["today", "-1", "1.5", "\u0663", "99999999999999"])
def test_a_time_that_is_none_is_refused(wanted: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        release.epoch({"SOURCE_DATE_EPOCH": wanted}, 7)
    assert f'SOURCE_DATE_EPOCH="{wanted}"' in caught.value.message
    assert "date -d" in caught.value.hint
