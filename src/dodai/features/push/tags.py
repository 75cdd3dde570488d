"""The one rule for tags: what an image is called in a registry follows from what it says about itself.

line       the suite, and what sets the image apart: trixie, trixie-minimal, trixie-without-ssh, overlay
VERSION-LINE       the newest build of a version of Dodai
LINE-YYYYMMDD      this image, for good: it is never pushed again with other contents
LINE               the newest of the line
latest, minimal …  the same, without the suite, for the suite that is the default
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping

from dodai import errors
from dodai.features.build import names


@dataclasses.dataclass(frozen=True, slots=True)
class Tags:
    """The tags of one image: the one that stays what it is, and those that move on, in the order of their pushing."""

    fixed: str
    moving: tuple[str, ...]


def rule(labels: Mapping[str, str], created: str) -> Tags:
    """The tags for an image with these labels, `created` at an RFC 3339 time.

    Raises errors.UsageError for an image that is none of ours.
    """
    version, variant = labels.get("org.opencontainers.image.version", ""), labels.get("dodai.variant", "")
    suite = labels.get("dodai.suite", "")
    without = tuple(word for word in labels.get("dodai.without", "").split(",") if word)
    if not (version and variant and (suite or variant == "overlay")):
        raise errors.UsageError(
            "cannot tell what to call the image: its labels do not say which build it is",
            hint="push what dodai build or dodai overlay made; for an image of your own use the engine's push",
        )
    short: tuple[str, ...] = ()
    if variant == "overlay":
        line = "overlay"
    else:
        _, named = names.for_build(suite, variant, without)
        short = (named.rpartition(":")[2],)
        extra = [] if variant == names.DEFAULT_VARIANT else [variant]
        line = "-".join([suite, *extra, *(f"without-{service}" for service in without)])
    day = datetime.datetime.fromisoformat(created).astimezone(datetime.UTC).strftime("%Y%m%d")
    moving = dict.fromkeys([f"{version}-{line}", line, *short])
    return Tags(f"{line}-{day}", tuple(moving))
