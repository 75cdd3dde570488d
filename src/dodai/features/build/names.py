"""The names of images: which one a build gets, and which build a name stands for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from dodai import __version__, errors, paths

DEFAULT_SUITE = "trixie"
DEFAULT_VARIANT = "default"
SERVICES = ("syslog", "ssh", "cron")

# https://pkg.go.dev/github.com/distribution/reference: host[:port]/path[:tag]; a digest names no new image.
_REFERENCE = re.compile(r"(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?")


def for_build(suite: str, variant: str, without: Iterable[str] = (), foreign: str = "") -> tuple[str, ...]:
    """Return the names of a build, the one with the version first.

    An image with services left out has names of its own, so that it never takes the place of a fuller one; so has one for
    another architecture than the machine's, `foreign`. The minimal variant has no services, so leaving one out there changes
    neither the image nor its names.
    """
    parts = [] if suite == DEFAULT_SUITE else [suite]
    if variant != DEFAULT_VARIANT:
        parts.append(variant)
    else:
        parts.extend(f"without-{service}" for service in SERVICES if service in set(without))
    if foreign:
        parts.append(foreign)
    moving = "-".join(parts) or "latest"
    return f"{paths.REPOSITORY}:{'-'.join([__version__, *parts])}", f"{paths.REPOSITORY}:{moving}"


def find_build(reference: str, suites: Iterable[str], variants: Iterable[str]) -> tuple[str, str, tuple[str, ...]] | None:
    """Return the (suite, variant, without) that `reference` names, or None when no build has that name."""
    wanted = with_tag(reference)
    for suite, variant, without in itertools.product(suites, variants, _subsets()):
        if wanted in for_build(suite, variant, without):
            return suite, variant, without
    return None


def with_tag(reference: str) -> str:
    """Return `reference` with the tag that engines add when there is none."""
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


def check(reference: str) -> str:
    """Return `reference` with a tag; raises errors.UsageError when an engine would refuse it."""
    if not _REFERENCE.fullmatch(reference):
        raise errors.UsageError(f'cannot name the image "{reference}"', hint="a name looks like example.org/team/image:1.2")
    return with_tag(reference)


def _subsets() -> Iterator[tuple[str, ...]]:
    for count in range(len(SERVICES) + 1):
        yield from itertools.combinations(SERVICES, count)
