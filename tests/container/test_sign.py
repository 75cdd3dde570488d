"""A6: what docs/how-to/supply-chain.md says about signing, with cosign, a key and a registry of the test's own: no network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pages
from tests.container import test_push

PAGE = pages.ROOT / "docs/how-to/supply-chain.md"
DEADLINE = 300.0  # seconds
SOURCES = """\
Types: deb
URIs: http://deb.debian.org/debian
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@pytest.fixture(scope="module")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of Debian 13's cosign, which is one static program, wherever this runs."""
    place = tmp_path_factory.mktemp("cosign")
    for name in ("etc/apt.conf.d", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True)
    (place / "status").touch()
    (place / "trixie.sources").write_text(SOURCES)
    (place / "apt.conf").write_text(
        f'Dir::Etc "{place}/etc"; Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "{place}";\n'
        f'Dir::State "{place}/state"; Dir::State::Status "{place}/status"; Dir::Cache "{place}/cache";\n'
        'Acquire::Languages "none"; APT::Sandbox::User "";\n'
    )
    environment = os.environ | {"APT_CONFIG": str(place / "apt.conf")}
    for words in (["apt-get", "-q", "update"], ["apt-get", "-q", "download", "cosign"]):
        subprocess.run(words, cwd=place, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=DEADLINE)
    (package,) = place.glob("cosign_*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, place / "root"], check=True)
    return place / "root/usr/bin"


def run(script: str, directory: Path, cosign: Path) -> subprocess.CompletedProcess[str]:
    (directory / "dodai").write_text(f'#!/bin/sh\nexec {sys.executable} -m dodai "$@"\n')
    (directory / "dodai").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{directory}:{cosign}:{os.environ['PATH']}",
        "PYTHONPATH": str(pages.ROOT / "src"),
        "COSIGN_PASSWORD": "not a secret",
    }
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_what_the_page_signs_verifies_and_nothing_else_does(cosign: Path, tmp_path: Path) -> None:
    about = [block.text for block in pages.blocks(PAGE) if "cosign" in block.text]
    assert len(about) == 2
    with test_push.serve(tmp_path) as registry:
        sign, verify = (text.replace("ghcr.io/team/dodai", f"{registry.address}/dodai") for text in about)
        built = run("dodai build --variant minimal --no-load -o oci --tag dodai-test:sign", tmp_path, cosign)
        assert built.returncode == 0, built.stderr
        done = run(sign + 'echo "index=$index image=$image"\n', tmp_path, cosign)
        assert done.returncode == 0, done.stderr
        names = re.findall(r"^index=\S+ image=\S+$", done.stdout, re.MULTILINE)[0]
        done = run(f"{names}\n{verify}", tmp_path, cosign)
        assert done.returncode == 0, done.stderr
        # The key of somebody else, and an image that nobody has signed.
        other = "cosign generate-key-pair --output-key-prefix other 2>/dev/null\n"
        done = run(f"{names}\n{other}{verify.replace('cosign.pub', 'other.pub')}", tmp_path, cosign)
        assert done.returncode != 0
        assert "signature" in done.stderr
