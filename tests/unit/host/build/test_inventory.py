"""What was installed is read from the archive's own stanzas, and two lists of it are compared."""

from __future__ import annotations

import pytest

from dodai import errors
from dodai.features.build import inventory
from dodai.features.build.inventory import Package

TEXT = """\
Package: libc6
Source: glibc
Version: 2.41-12
Architecture: amd64
Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
Homepage: https://www.gnu.org/software/libc/libc.html
Priority: optional
Filename: pool/main/g/glibc/libc6_2.41-12_amd64.deb
Size: 2846700
SHA256: a0f2
Description: GNU C Library: Shared libraries
 Contains the standard libraries.
 Package: this is not a field

Package: bash
Source: bash-source (5.2-1)
Version: 5.2-1+b1
Architecture: amd64
Filename: pool/main/b/bash/bash_5.2-1+b1_amd64.deb
Size: 10
SHA256: b1

Package: dodai-sysuser-helper
Version: 1.6.0
Architecture: all
"""


def test_stanzas_become_packages() -> None:
    bash, helper, libc = inventory.parse(TEXT)
    assert libc == Package(
        name="libc6",
        version="2.41-12",
        architecture="amd64",
        file="pool/main/g/glibc/libc6_2.41-12_amd64.deb",
        size=2846700,
        sha256="a0f2",
        source="glibc",
        maintainer="GNU Libc Maintainers <debian-glibc@lists.debian.org>",
        homepage="https://www.gnu.org/software/libc/libc.html",
        priority="optional",
    )
    assert (bash.source, bash.source_version) == ("bash-source", "5.2-1")
    # What install built itself is in no archive.
    assert (helper.name, helper.file, helper.sha256) == ("dodai-sysuser-helper", "", "")


def test_a_stanza_twice_is_one_package() -> None:
    assert inventory.parse(f"{TEXT}\n{TEXT}") == inventory.parse(TEXT)


def test_a_stanza_without_its_sum_is_named() -> None:
    with pytest.raises(errors.BuildFailed, match=r'"libc6".*sha256'):
        inventory.parse(TEXT.replace("SHA256: a0f2\n", ""))


def test_dates_are_seconds_and_sorted() -> None:
    assert inventory.dates("Sat, 21 Nov 2026 09:15:45 UTC\nSat, 21 Nov 2026 09:15:44 UTC\n") == (1795252544, 1795252545)


def test_the_digest_follows_the_files_and_not_their_order() -> None:
    one, two = Package("a", "1", "all", sha256="00"), Package("b", "1", "all", sha256="01")
    assert inventory.digest([one, two]) == inventory.digest([two, one])
    assert inventory.digest([one]) != inventory.digest([one, two])
    assert inventory.digest([one]) != inventory.digest([Package("a", "1", "all", sha256="02")])


def test_a_difference_has_a_line_for_each_package() -> None:
    before = [Package("a", "1", "all"), Package("b", "1", "all"), Package("c", "1", "all")]
    after = [Package("a", "1", "all"), Package("b", "2", "all"), Package("d", "1", "all")]
    assert inventory.difference(before, after).lines() == ["b 1 -> 2", "d 1 is new", "c 1 is gone"]
    assert not inventory.difference(before, before)
