"""D7, F2: the faults of a real image, found from the host and in a RUN line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests import pages
from tests.container import harness
from tests.container.conftest import Derived

FAULTS = """
ENV DB_PASSWORD=hunter2
LABEL org.opencontainers.image.base.name=docker.io/library/debian:latest
COPY run /etc/service/web/run
COPY setup /etc/my_init.d/10_setup
RUN chmod 755 /etc/service/web/run; chmod 644 /etc/my_init.d/10_setup; printf 'Package: x\\n' >/var/lib/apt/lists/x_Packages
"""
FILES = {"run": "#!/usr/bin/node\nserver()\n", "setup": "#!/bin/sh\ntrue\n"}
FOUND = ["apt-lists", "latest-base", "missing-interpreter", "secret-in-env", "skipped-startup-file"]


def dodai(kind: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The host's command, with this engine."""
    environment = os.environ | harness.podman_settings() | {"DODAI_ENGINE": kind, "PYTHONPATH": str(pages.ROOT / "src")}
    argv = [sys.executable, "-m", "dodai", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, env=environment, check=False)


@pytest.fixture(scope="module")
def faulty(derived: Derived) -> str:
    return derived(FAULTS, files=FILES)


def test_the_faults_of_a_derived_image(each_engine: harness.Engine, faulty: str) -> None:
    each_engine.ensure(faulty)
    done = dodai(each_engine.kind, "lint", "--json", faulty)
    assert done.returncode == 1, done.stderr
    assert sorted(one["id"] for one in json.loads(done.stdout)["findings"]) == FOUND
    assert "hunter2" not in done.stdout


def test_our_images_have_none(engine: harness.Engine, image: str, minimal: str, bookworm: str, bookworm_minimal: str) -> None:
    for each in (image, minimal, bookworm, bookworm_minimal):
        done = dodai(engine.kind, "lint", each)
        assert (done.returncode, done.stdout) == (0, ""), each


def test_in_a_run_line_it_fails_the_build(derived: Derived) -> None:
    derived("RUN dodaictl lint")
    with pytest.raises(AssertionError, match=r"skipped-startup-file"):
        derived(FAULTS + "RUN dodaictl lint\n", files=FILES)


def test_an_image_without_dodaictl(engine: harness.Engine, derived: Derived) -> None:
    other = derived("RUN rm /usr/sbin/dodaictl")
    done = dodai(engine.kind, "lint", other)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f'dodai: cannot check "{other}": it has no dodaictl'
