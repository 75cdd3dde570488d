"""The small numbers of the bench."""

from __future__ import annotations

import pytest

from bench import stats


def test_summary_takes_the_median_and_the_range() -> None:
    assert stats.summary([5.0, 1.0, 9.0]) == stats.Summary(5.0, 1.0, 9.0, 3)
    assert stats.summary([1.0, 2.0]) == stats.Summary(1.5, 1.0, 2.0, 2)
    assert stats.summary([]) is None


@pytest.mark.parametrize(("part", "value"), [(0.5, 50.0), (0.95, 95.0), (0.999, 100.0), (1.0, 100.0), (0.0, 1.0)])
def test_share_is_the_nearest_rank(part: float, value: float) -> None:
    assert stats.share([float(number) for number in range(100, 0, -1)], part) == value
    assert stats.share([7.0], part) == 7.0


def test_ratio_to_nothing_says_nothing() -> None:
    assert stats.ratio(6.0, 3.0) == 2.0
    assert stats.ratio(6.0, 0.0) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1, "0.1"), (0.104, "0.1"), (4.3149, "4.31"), (99.25, "99.2"), (100, "100"), (1161.4, "1,161")],
)
def test_short(value: float, text: str) -> None:
    assert stats.short(value) == text
