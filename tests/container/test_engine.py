"""Style rule 16: the real engines pass the class of tests that the stand-in passes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from dodai import engine, process
from tests.unit.host.engines import contract

pytestmark = [pytest.mark.container, pytest.mark.root]

IMAGE = os.environ.get("DODAI_TEST_IMAGE", "dodai:latest")


def real(kind: str, scratch: Path) -> engine.Engine:
    """That engine, with the image: Podman gets Docker's."""
    found = {each.kind: each for each in engine.available()}
    if not found[kind].image_exists(IMAGE):
        archive = scratch / "image.tar"
        process.run(found[engine.DOCKER].command("save", "-o", str(archive), IMAGE), doing="save the image")
        found[kind].load(archive)
        archive.unlink()
    return found[kind]


class TestDocker(contract.EngineContract):
    kind = engine.DOCKER

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory: pytest.TempPathFactory) -> engine.Engine:
        return real(cls.kind, tmp_path_factory.mktemp("engine"))

    @pytest.fixture(scope="class")
    @classmethod
    def image(cls) -> str:
        return IMAGE

    @pytest.fixture(scope="class")
    @classmethod
    def container(cls, subject: engine.Engine) -> Iterator[str]:
        name = f"dodai-test-{secrets.token_hex(4)}"
        process.run(subject.run_command(["-d", "--name", name, "--network=none"], IMAGE, []), doing="start a container")
        try:
            yield name
        finally:
            process.run(subject.command("rm", "-f", name), doing="remove the container")


class TestPodman(TestDocker):
    kind = engine.PODMAN
