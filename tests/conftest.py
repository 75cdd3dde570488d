"""What holds for every test of every tier."""

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

LONGEST = 900  # seconds; far above the slowest test on a busy machine


@pytest.fixture(autouse=True)
def _deadline() -> Iterator[None]:
    """No test may hang: one that waits for something without a deadline fails, and the rest still runs."""

    def too_long(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"not over after {LONGEST} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
