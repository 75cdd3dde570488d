"""When a container lived, by its engine's own times: what the engine takes before and after does not count."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from tests.container.harness import Container


def started(container: Container) -> float:
    """Seconds since 1970."""
    return _moment(container, "StartedAt")


def ended(container: Container) -> float:
    """Seconds since 1970."""
    return _moment(container, "FinishedAt")


def best(measure: Callable[[], float], enough: float, times: int = 6) -> float:
    """The least of some measurements, in seconds, up to the first below enough: a busy machine is no fault of ours."""
    found = [measure()]
    while min(found) >= enough and len(found) < times:
        found.append(measure())
    return min(found)


def _moment(container: Container, key: str) -> float:
    # RFC 3339 with up to nine digits of a second, which fromisoformat does not take.
    whole, _, part = str(container.engine.inspect("container", container.name)["State"][key]).removesuffix("Z").partition(".")
    return datetime.datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{part or 0}")
