"""Everything here needs an engine and root; the images under test are named by the environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.container import harness

HERE = Path(__file__).parent

Derived = Callable[..., str]


def pytest_configure(config: pytest.Config) -> None:
    # A run that is told to end removes its containers as one that is interrupted does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before the marks are looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.container)
            item.add_marker(pytest.mark.root)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, Exception):
        for container in harness.LIVE:
            report.sections.append((f"container {container.name}", container.report()))
    return report


def pytest_sessionfinish() -> None:
    for used in _engines.values():
        used.clean()


_engines: dict[str, harness.Engine] = {}


def _get(kind: str) -> harness.Engine:
    if kind not in _engines:
        _engines[kind] = harness.Engine(kind)
    return _engines[kind]


@pytest.fixture(scope="session")
def engine() -> harness.Engine:
    """Docker."""
    return _get(harness.DOCKER)


@pytest.fixture(scope="session")
def podman() -> harness.Engine:
    """Podman; it gets Docker's images as they are asked for."""
    return _get(harness.PODMAN)


@pytest.fixture(scope="session", params=[harness.DOCKER, harness.PODMAN])
def each_engine(request: pytest.FixtureRequest) -> harness.Engine:
    """Docker, then Podman."""
    return _get(request.param)


def _tag(variable: str, fallback: str, engine: harness.Engine) -> str:
    name = os.environ.get(variable) or fallback
    assert engine.image_id(name), f'docker has no image "{name}" ({variable}); remedy: bin/dodai build, or make test'
    return name


@pytest.fixture(scope="session")
def image(engine: harness.Engine) -> str:
    """The default variant on trixie."""
    return _tag("DODAI_TEST_IMAGE", "dodai:latest", engine)


@pytest.fixture(scope="session")
def minimal(engine: harness.Engine) -> str:
    """The minimal variant on trixie."""
    return _tag("DODAI_TEST_MINIMAL", "dodai:minimal", engine)


@pytest.fixture(scope="session")
def bookworm(engine: harness.Engine) -> str:
    """The default variant on bookworm."""
    return _tag("DODAI_TEST_BOOKWORM", "dodai:bookworm", engine)


@pytest.fixture(scope="session")
def bookworm_minimal(engine: harness.Engine) -> str:
    """The minimal variant on bookworm."""
    return _tag("DODAI_TEST_BOOKWORM_MINIMAL", "dodai:bookworm-minimal", engine)


@pytest.fixture(scope="session")
def derived(engine: harness.Engine, image: str) -> Derived:
    """derived(directory or Dockerfile text, base=…, files=…) builds a derived image (ARG BASE) once and returns its tag."""

    def build(source: Path | str, base: str = image, files: harness.Files | None = None, seconds: float = 300) -> str:
        return engine.derived(source, base, files, seconds)

    return build
