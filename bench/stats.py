"""The numbers of one row and peer, made small: median, range, ratio."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

Measured = Mapping[str, Mapping[str, Sequence[float]]]  # row → peer → values


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """Median and range of `runs` values."""

    median: float
    least: float
    most: float
    runs: int


def summary(values: Sequence[float]) -> Summary | None:
    """None for no values."""
    if not values:
        return None
    return Summary(statistics.median(values), min(values), max(values), len(values))


def share(values: Sequence[float], part: float) -> float:
    """The least value that at least that part of all values does not exceed (nearest rank), 0.95 for p95; values are needed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(part * len(ordered)), 1) - 1]


def ratio(value: float, to: float) -> float | None:
    """How many times `to` a value is; None where that says nothing."""
    return value / to if to > 0 else None


def short(value: float) -> str:
    """Three figures, without the dust: 1161, 99.2, 4.31, 0.1, 0."""
    if value >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
