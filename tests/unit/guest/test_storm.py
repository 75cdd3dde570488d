"""A few wake-ups are taken at once, many in a row only every two milliseconds; and both kinds of rows are slowed so."""

import time

import pytest

from guest.floor import kernel
from guest.mechanism import reap, signals, storm


class Clock:
    """Time that passes only in naps."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.naps: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.naps.append)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_only_a_long_row_is_slowed(clock: Clock) -> None:
    some = storm.Storm()
    assert [some.nap() for _ in range(16)] == [False] * 16
    assert some.nap()
    assert clock.naps == [0.002]
    clock.now += 1
    assert not some.nap(), "after a pause the row begins anew"


def test_changes_after_changes_are_slowed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_changes", storm.Storm())
    for _ in range(20):
        signals.drain(signals.WATCH)
    assert len(clock.naps) == 4


def test_orphans_after_orphans_are_slowed_and_own_children_are_not(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    def one_child(_pid: int, _options: int) -> tuple[int, int]:
        if not ended:
            raise ChildProcessError
        return ended.pop(), 0

    monkeypatch.setattr(kernel, "waitpid", one_child)
    monkeypatch.setattr(reap, "_orphans", storm.Storm())
    for _ in range(20):
        ended.append(7)
        assert reap.collect() == []
    assert len(clock.naps) == 4
    for _ in range(20):
        ended.append(7)
        reap.register(7)
        assert reap.collect() == [7]
        assert reap.status(7) == 0
    assert len(clock.naps) == 4
