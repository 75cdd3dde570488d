"""F1, F2: the engine is found, and asked in words that both understand; the stand-in keeps the contract of the real ones."""

from __future__ import annotations

import pytest

from dodai import engine, errors
from tests.unit.host.conftest import Machine
from tests.unit.host.engines import contract

IDENTITY = "c0ffee" + "0" * 58


class TestFakeDocker(contract.EngineContract):
    kind = engine.DOCKER

    @pytest.fixture
    def subject(self, here: Machine) -> engine.Engine:
        here.environment["PATH"] = f"{here.bin}:/usr/bin:/bin"
        here.install(self.kind)
        here.image("some:latest")
        here.container("web", IDENTITY)
        return engine.Engine(self.kind, str(here.bin / self.kind))

    @pytest.fixture(autouse=True)
    def _path(self, subject: engine.Engine, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG002 - after it
        monkeypatch.setenv("PATH", "/usr/bin:/bin")

    @pytest.fixture
    def image(self) -> str:
        return "some:latest"

    @pytest.fixture
    def container(self) -> str:
        return "web"


class TestFakePodman(TestFakeDocker):
    kind = engine.PODMAN


@pytest.fixture
def only_here(here: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine whose sbin directories hold no engine either; the stand-in still finds its interpreter."""
    from dodai import process

    monkeypatch.setattr(process, "SBIN", "")
    return here


def test_docker_comes_before_podman(only_here: Machine) -> None:
    only_here.install("podman")
    only_here.install("docker")
    assert engine.find().kind == engine.DOCKER
    assert [found.kind for found in engine.available()] == [engine.DOCKER, engine.PODMAN]


def test_podman_when_docker_does_not_answer(only_here: Machine) -> None:
    only_here.install("podman")
    only_here.script(
        "docker", "echo 'Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?' >&2; exit 1"
    )
    refusals: list[errors.EngineError] = []
    assert [found.kind for found in engine.available(refusals)] == [engine.PODMAN]
    assert "Cannot connect to the Docker daemon" in refusals[0].message
    assert "start the daemon" in refusals[0].hint


def test_refusal_names_the_reason_and_the_remedy(only_here: Machine) -> None:
    only_here.script(
        "docker", "echo 'Got permission denied while trying to connect to the Docker daemon socket at unix:///x: y' >&2; exit 1"
    )
    with pytest.raises(errors.EngineRefused) as caught:
        engine.find()
    assert caught.value.exit_code == 125
    assert "permission denied" in caught.value.message
    assert "group docker" in caught.value.hint


def test_no_engine(only_here: Machine) -> None:
    with pytest.raises(errors.EngineMissing) as caught:
        engine.find()
    assert caught.value.exit_code == 125
    assert "docker.io" in caught.value.hint


def test_chosen_engine(only_here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    only_here.install("podman")
    only_here.install("docker")
    monkeypatch.setenv("DODAI_ENGINE", "podman")
    assert engine.find().kind == engine.PODMAN
    monkeypatch.setenv("DODAI_ENGINE", "lxc")
    with pytest.raises(errors.UsageError, match="lxc"):
        engine.find()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("docker: Error response from daemon: No such image: x:latest.\nSee 'docker run --help'.", "No such image: x:latest"),
        ("Error: name in use", "name in use"),
        ("", "docker exited with 125"),
    ],
)
def test_reason_is_the_engines_own(said: str, why: str) -> None:
    assert engine.reason(errors.CommandFailed("run", ["docker"], 125, said.splitlines())) == why
