"""B6, B8: the exit code of the container; the first primary cause wins."""

import pytest

from guest.floor import codes
from guest.policy.outcome import Outcome


@pytest.mark.parametrize("code", range(256))
def test_an_exit_code_is_kept(code: int) -> None:
    assert codes.of_status(code << 8) == code


@pytest.mark.parametrize("signal", range(1, 65))
def test_a_signal_gives_128_and_its_number(signal: int) -> None:
    assert codes.of_status(signal) == 128 + signal
    assert codes.of_status(signal | 0x80) == 128 + signal, "with a core dump"


def test_the_first_cause_wins() -> None:
    outcome = Outcome(True)
    outcome.settle(3)
    outcome.settle(70)
    assert outcome.code == 3


@pytest.mark.parametrize(
    ("command_given", "started", "signal", "code"),
    [
        (False, False, 15, 0),
        (False, False, 2, 0),
        (True, False, 15, 143),
        (True, False, 2, 130),
        (True, True, 15, 137),  # it did not even die of SIGKILL
        (False, False, None, 0),
    ],
)
def test_a_stop_without_another_cause(command_given: bool, started: bool, signal: int | None, code: int) -> None:
    outcome = Outcome(command_given)
    outcome.command_started = started
    outcome.stop_signal = signal
    assert outcome.code == code
