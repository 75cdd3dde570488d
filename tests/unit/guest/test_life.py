"""B13, design.md "One loop": the life of PID 1 is a table in which every state has an action for every event."""

import itertools

import pytest

from guest.floor import say
from guest.policy import life, states, stop


@pytest.mark.parametrize(("state", "event"), list(itertools.product(states.ALL, states.EVENTS)))
def test_every_state_answers_every_event(state: str, event: str) -> None:
    assert callable(life.TABLE[state, event])


def test_every_state_can_be_entered() -> None:
    assert set(life.ENTRIES) == set(states.ALL)


@pytest.mark.parametrize(
    "state",
    [states.PRE_HOOKS, states.SERVICES_STOP, states.OTHERS_STOP, states.SYSLOG_STOPS, states.POST_HOOKS],
)
def test_a_second_request_never_aborts_a_graceful_stop(state: str) -> None:
    assert life.TABLE[state, states.STOP] is stop.again


def test_trouble_always_leads_on_to_the_end() -> None:
    """Whatever state fails, the stages that are left of the stop still run, and it ends."""
    for first in states.ALL:
        state, seen = first, []
        while state != states.ENDED:
            state = life.after_trouble(state)
            assert state not in seen
            seen.append(state)


def test_every_way_leads_to_the_end_and_none_leads_back() -> None:
    """The table of ways is acyclic, so whatever happens the life of the container ends; trouble uses its ways."""
    order = [states.SYSLOG_STARTS]
    for state in order:
        order += [target for target in states.LEADS_TO[state] if target not in order]
    assert set(order) == set(states.ALL)
    place = {state: index for index, state in enumerate(states.ALL)}
    for state in states.ALL:
        ways = states.LEADS_TO[state]
        assert all(place[target] > place[state] for target in ways) or state == states.ENDED
        assert life.after_trouble(state) in ways


def test_a_message_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    say.error("two\nlines")
    assert capfd.readouterr().err == "*** two lines\n"
