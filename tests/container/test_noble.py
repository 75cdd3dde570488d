"""A1: Ubuntu 24.04 by an option of the build, its keys believed by checksum only."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import pages
from tests.container import harness


@pytest.fixture(scope="module")
def noble(engine: harness.Engine) -> Iterator[str]:
    """The minimal variant, built here."""
    name = f"dodai-test-{secrets.token_hex(4)}:noble"
    words = [sys.executable, "-m", "dodai", "build", "--suite", "noble", "--variant", "minimal", "--tag", name]
    environment = os.environ | {"DODAI_ENGINE": engine.kind, "PYTHONPATH": str(pages.ROOT / "src")}
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stderr
    try:
        yield name
    finally:
        engine.call("image", "rm", "--force", name, check=False)


def test_it_boots_serves_and_stops(engine: harness.Engine, noble: str) -> None:
    files: harness.Files = {"/etc/service/s/run": harness.script("echo up; exec sleep 1000")}
    with engine.start(noble, files=files) as container:
        container.wait_for("up")
        assert "VERSION_CODENAME=noble" in container.read("/usr/lib/os-release").decode()
        assert container.exec("sv", "status", "s").out.startswith("run: s:")
        assert container.stop() == 0


def test_apt_is_healthy_in_a_derived_image(engine: harness.Engine, noble: str) -> None:
    """runit is held: its preinst of Ubuntu 24.04 cannot live with /etc/service as a directory of its own."""
    script = "apt-get check && apt-get -q update && apt-get -q -y dist-upgrade && install_clean hello && hello"
    result = engine.run(noble, "/sbin/my_init", "--quiet", "--", "sh", "-euc", script)
    assert result.code == 0, result
    assert "Hello, world!" in result.out
