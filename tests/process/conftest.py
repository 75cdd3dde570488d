"""The fixture of the process tier: a container in namespaces, no engine."""

from pathlib import Path

import pytest

from tests.process.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Files to put into a container, then its start."""
    return World(tmp_path)
