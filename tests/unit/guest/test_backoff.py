"""D4: pauses and the end of patience, as pure arithmetic."""

from hypothesis import given
from hypothesis import strategies as st

from guest.parts.backoff import Backoff


def test_pauses_double_up_to_thirty_seconds() -> None:
    one = Backoff(None)
    assert [one.failed(0.0) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_the_pause_counts_from_the_start_of_the_instance() -> None:
    one = Backoff(None)
    assert one.failed(6.0) == 0
    assert one.failed(0.5) == 1.5


def test_a_stable_minute_begins_anew() -> None:
    one = Backoff(1)
    assert one.failed(0.0) == 1
    assert one.failed(60.0) == 0
    assert one.failed(0.0) is None


def test_n_restarts_are_n_plus_one_starts() -> None:
    assert Backoff(0).failed(0.0) is None
    one = Backoff(2)
    assert [one.failed(0.0) is None for _ in range(3)] == [False, False, True]
    one.forgive()
    assert one.failed(0.0) == 1


@given(st.lists(st.floats(0, 1e6), max_size=100))
def test_a_pause_is_never_negative_nor_longer_than_thirty_seconds(lives: list[float]) -> None:
    one = Backoff(None)
    for lived in lives:
        pause = one.failed(lived)
        assert pause is not None
        assert 0 <= pause <= 30
