"""A1, A7: each build has its names, and one of our names leads back to its build."""

from __future__ import annotations

import itertools

import pytest

from dodai import __version__, errors
from dodai.features.build import names

SUITES, VARIANTS = ("trixie", "bookworm"), ("default", "minimal")


@pytest.mark.parametrize(
    ("suite", "variant", "without", "expected"),
    [
        ("trixie", "default", (), (f"dodai:{__version__}", "dodai:latest")),
        ("trixie", "minimal", (), (f"dodai:{__version__}-minimal", "dodai:minimal")),
        ("bookworm", "default", (), (f"dodai:{__version__}-bookworm", "dodai:bookworm")),
        ("bookworm", "minimal", (), (f"dodai:{__version__}-bookworm-minimal", "dodai:bookworm-minimal")),
        (
            "trixie",
            "default",
            ("cron", "ssh"),
            (f"dodai:{__version__}-without-ssh-without-cron", "dodai:without-ssh-without-cron"),
        ),
        ("trixie", "minimal", ("ssh",), (f"dodai:{__version__}-minimal", "dodai:minimal")),
    ],
)
def test_names_of_a_build(suite: str, variant: str, without: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert names.for_build(suite, variant, without) == expected


def test_another_machines_image_has_names_of_its_own() -> None:
    assert names.for_build("trixie", "minimal", foreign="arm64") == (
        f"dodai:{__version__}-minimal-arm64",
        "dodai:minimal-arm64",
    )
    assert names.for_build("trixie", "default", foreign="arm64")[1] == "dodai:arm64"


def test_every_name_leads_back_to_its_build() -> None:
    services = [subset for count in range(4) for subset in itertools.combinations(names.SERVICES, count)]
    for suite, without in itertools.product(SUITES, services):
        for name in names.for_build(suite, "default", without):
            assert names.find_build(name, SUITES, VARIANTS) == (suite, "default", without)
        for name in names.for_build(suite, "minimal"):
            assert names.find_build(name, SUITES, VARIANTS) == (suite, "minimal", ())


def test_no_tag_means_latest() -> None:
    assert names.find_build("dodai", SUITES, VARIANTS) == ("trixie", "default", ())


@pytest.mark.parametrize("reference", ["debian:trixie", "dodai:0.0.1", "example.org/dodai:latest", "dodai:without-sshd"])
def test_what_is_not_ours_leads_nowhere(reference: str) -> None:
    assert names.find_build(reference, SUITES, VARIANTS) is None


@pytest.mark.parametrize(
    ("given", "whole"),
    [("web", "web:latest"), ("example.org:5000/a/b", "example.org:5000/a/b:latest"), ("a/b:1.2", "a/b:1.2")],
)
def test_a_name_of_ones_own_gets_its_tag(given: str, whole: str) -> None:
    assert names.check(given) == whole


@pytest.mark.parametrize("given", ["", "Web", "a b", "a:", "-x", "a:b:c", "a@sha256:00"])
def test_a_name_that_engines_refuse_is_a_usage_error(given: str) -> None:
    with pytest.raises(errors.UsageError):
        names.check(given)
