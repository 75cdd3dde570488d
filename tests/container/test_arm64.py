"""Issue 5, every architecture: an image for arm64 is built by emulation, boots, and is one index with that for amd64."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pages
from tests.container import harness, test_push

EPOCH = "1790000000"  # one time for both, or they would be two builds


def build(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dodai", "build", "--variant", "minimal", *words],
        capture_output=True,
        text=True,
        timeout=880,
        env=os.environ | {"DODAI_ENGINE": "docker", "PYTHONPATH": str(pages.ROOT / "src"), "SOURCE_DATE_EPOCH": EPOCH},
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(engine: harness.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The image's name in the engine, and its layout. Once: emulated, the build takes minutes."""
    name = f"dodai-test-{secrets.token_hex(4)}:minimal-arm64"
    place = tmp_path_factory.mktemp("arm64") / "layout"
    build("--arch", "arm64", "--tag", name, "-o", str(place))
    try:
        yield name, place
    finally:
        engine.call("image", "rm", "--force", name, check=False)


@pytest.fixture
def arm64(built: tuple[str, Path]) -> str:
    return built[0]


@pytest.fixture
def layout(built: tuple[str, Path]) -> Path:
    return built[1]


def test_it_boots_serves_and_stops(engine: harness.Engine, arm64: str) -> None:
    run = 'trap "echo asked; exit 0" TERM; echo up; dpkg --print-architecture; while :; do sleep 0.2; done'
    with engine.start(arm64, files={"/etc/service/s/run": harness.script(run)}) as container:
        container.wait_for("up\narm64\n")
        assert container.exec("sv", "status", "s").out.startswith("run: s:")
        # Ten orphans for PID 1, or for the runsv that adopts its service's.
        container.sh("for n in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.1 &); done; sleep 2")
        assert "Z" not in container.sh("cat /proc/[0-9]*/stat | sed 's/.*) //; s/ .*//'")
        assert container.stop() == 0
        assert container.logs().out.endswith("asked\n")


def test_its_exit_code_and_environment(engine: harness.Engine, arm64: str) -> None:
    said = engine.run(
        arm64, "/sbin/my_init", "--quiet", "--", "sh", "-c", 'echo "$GREETING"; exit 7', env={"GREETING": "a 'b'"}
    )
    assert (said.code, said.out) == (7, "a 'b'\n")


def test_the_index_has_both_and_arm64_is_pulled_and_run(engine: harness.Engine, layout: Path, tmp_path: Path) -> None:
    native = tmp_path / "amd64"
    build("--arch", "amd64", "--no-load", "-o", str(native))
    with test_push.serve(tmp_path) as registry:
        name = f"{registry.address}/dodai"
        done = test_push.dodai("push", name, "--from", str(native), "--from", str(layout))
        assert done.returncode == 0, done.stderr
        index = registry.get("dodai/manifests/minimal")
        digests = {one["platform"]["architecture"]: one["digest"] for one in index["manifests"]}
        assert set(digests) == {"amd64", "arm64"}
        for architecture, digest in digests.items():
            pulled = f"{name}@{digest}"
            try:
                engine.call("pull", "--quiet", pulled)
                said = engine.run(pulled, "/sbin/my_init", "--quiet", "--", "dpkg", "--print-architecture")
                assert (said.code, said.out) == (0, f"{architecture}\n")
            finally:
                engine.call("image", "rm", "--force", pulled, check=False)


def test_it_says_for_which_machine_it_is(layout: Path) -> None:
    entry = json.loads((layout / "index.json").read_text())["manifests"][0]
    assert entry["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"}
