"""A5, A7: image/packages.toml is read whole; what it does not mean to say is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dodai import errors, paths
from dodai.features.build import names, packages


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Path]:
    """The real file with one text replaced by another."""

    def change(old: str, new: str) -> Path:
        text = (paths.image_dir() / packages.FILE).read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / packages.FILE
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return change


@pytest.fixture
def catalogue() -> packages.Catalogue:
    return packages.load(paths.image_dir() / packages.FILE)


def test_the_default_suite_is_the_one_the_names_leave_out(catalogue: packages.Catalogue) -> None:
    assert catalogue.default_suite == names.DEFAULT_SUITE
    assert names.DEFAULT_VARIANT in catalogue.variants


def test_a_stable_suite_has_its_updates_and_security(catalogue: packages.Catalogue) -> None:
    for name in ("trixie", "bookworm"):
        main, security = catalogue.suites[name].sources
        assert main.suites == (name, f"{name}-updates")
        assert security.suites == (f"{name}-security",)
        assert main.keyring == security.keyring == "/usr/share/keyrings/debian-archive-keyring.gpg"


def test_ubuntu_has_a_keyring_and_a_file_of_its_own(catalogue: packages.Catalogue) -> None:
    noble = catalogue.suites["noble"]
    assert noble.distribution.keyring.endswith("/ubuntu-archive-keyring.gpg")
    assert noble.distribution.sources == "ubuntu.sources"


def test_without_leaves_out_the_packages_of_a_service(catalogue: packages.Catalogue) -> None:
    everything = set(catalogue.select("default", ()))
    for service in names.SERVICES:
        assert everything - set(catalogue.select("default", [service])) == set(catalogue.tables[service])


def test_minimal_is_a_part_of_default(catalogue: packages.Catalogue) -> None:
    minimal = catalogue.select("minimal", ())
    assert "python3-minimal" in minimal
    assert set(minimal) < set(catalogue.select("default", ()))


def test_what_install_brings_itself_is_left_to_it(catalogue: packages.Catalogue) -> None:
    assert not set(catalogue.tables["init"]) & set(catalogue.select("default", ()))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("[packages.base]", "[packages.bsae]", 'has the unknown key "bsae"'),
        ('mirror = "', 'miror = "', 'unknown key "miror"'),
        ('components = "main"\n', "", 'lacks the key "components"'),
        ("[packages.init]\nrunit = ", "[packages.init]\nrunit = [] # ", 'does not say why "runit" is needed'),
        ('name = "Debian 13"', 'name = "Devuan 6"', "whose keyring is not known"),
        ('default = "true"', 'default = "false"', "0 suites say that they are the default"),
        ("[packages.base]", "[packages.base", "cannot read"),
    ],
)
def test_a_fault_is_named(changed: Callable[[str, str], Path], old: str, new: str, why: str) -> None:
    with pytest.raises(errors.BuildFailed) as caught:
        packages.load(changed(old, new))
    assert why in str(caught.value)
    assert caught.value.exit_code == 124


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.ImageSourceMissing, match=r"packages\.toml"):
        packages.load(tmp_path / packages.FILE)
