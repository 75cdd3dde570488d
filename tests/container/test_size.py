"""Issue 5, small: the built images keep their budgets, and `dodai size` says what weighs what."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

from tests.container import harness


def size(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dodai", "size", *words], capture_output=True, text=True, timeout=300, check=False
    )


def test_the_images_keep_their_budgets(image: str, minimal: str, bookworm: str, bookworm_minimal: str, tmp_path: Path) -> None:
    svg, html = tmp_path / "sizes.svg", tmp_path / "sizes.html"
    # gzip; zstd -19, a minute for each, is `make size` and the weekly workflow.
    for small, large in ((minimal, image), (bookworm_minimal, bookworm)):
        done = size(small, large, "--budget", "--without-zstd", "--svg", str(svg), "--html", str(html))
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"+ {large}" in done.stdout
        for name in (small, large):
            assert f"{name}: unpacked " in done.stdout
            assert f"{name}: gzip " in done.stdout
        picture = svg.read_text()
        xml.etree.ElementTree.fromstring(picture)
        assert "<title>runit: " in picture
        assert picture in html.read_text()


def test_what_a_derived_image_adds_is_its_column(engine: harness.Engine, minimal: str, tmp_path: Path) -> None:
    big = engine.derived("RUN head -c 3000000 /dev/urandom >/opt/big && rm /usr/bin/runsvdir", base=minimal)
    done = size(minimal, big)
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("/opt ")]
    assert row.split() == ["/opt", "3.00"]
    assert not engine.call("ps", "--all", "--quiet", "--filter", f"ancestor={big}").out


def test_an_image_over_its_budget_fails_and_is_named(engine: harness.Engine, minimal: str) -> None:
    big = engine.derived("RUN head -c 9000000 /dev/urandom >/opt/big", base=minimal)
    done = size(big, "--budget", "--without-zstd")
    assert done.returncode == 1
    assert f"{big}: unpacked" in done.stderr
    assert "too much" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_image_that_is_not_there_is_named() -> None:
    done = size("dodai-no-such-image:none")
    assert done.returncode == 125
    assert '"dodai-no-such-image:none"' in done.stderr
