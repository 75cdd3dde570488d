"""A5, A7: image/install, which reads packages.toml with awk, finds in it what the host command finds with tomllib."""

from __future__ import annotations

from pathlib import Path

import pytest

from dodai import paths, process
from dodai.features.build import packages

IMAGE = paths.image_dir()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """image/install as it finds itself on the default suite, whatever this machine runs."""
    catalogue = packages.load(IMAGE / packages.FILE)
    release = tmp_path / "os-release"
    release.write_text(f"VERSION_CODENAME={catalogue.default_suite}\n", encoding="utf-8")
    text = (IMAGE / "install").read_text(encoding="utf-8")
    assert text.count("/etc/os-release") == 1
    script = tmp_path / "install"
    script.write_text(text.replace("/etc/os-release", str(release)), encoding="utf-8")
    (tmp_path / packages.FILE).write_bytes((IMAGE / packages.FILE).read_bytes())
    return script


def listed(script: Path, *arguments: str) -> set[str]:
    done = process.run(["sh", str(script), *arguments, "--list-packages"], doing="list the packages")
    return set(done.stdout.split())


@pytest.mark.parametrize("variant", ["minimal", "default"])
@pytest.mark.parametrize("without", [(), ("ssh",), ("syslog", "cron", "ssh")], ids="-".join)
def test_both_readers_agree(elsewhere: Path, variant: str, without: tuple[str, ...]) -> None:
    catalogue = packages.load(IMAGE / packages.FILE)
    expected = {*catalogue.select(variant, without), *catalogue.tables["init"]}
    assert listed(elsewhere, "--variant", variant, "--without", ",".join(without)) == expected


@pytest.mark.parametrize(
    "arguments", [["--variant", "tiny"], ["--variant"], ["--variant", "default", "--without", "web"], ["--unknown"]]
)
def test_a_wrong_word_is_refused(elsewhere: Path, arguments: list[str]) -> None:
    done = process.run(["sh", str(elsewhere), *arguments], doing="refuse", check=False)
    assert done.code != 0
    assert done.stderr
