"""B2, B3: one stop budget, shared by the stages; explicit timeouts are honoured within it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guest.policy.budget import Budget


def test_docker_leaves_ten_seconds_so_eight_are_the_default() -> None:
    budget = Budget({}, 100.0)
    assert budget.total == 8
    assert budget.share == 1
    assert budget.pre_hooks(100) == 101
    assert budget.services(100) == 105
    assert budget.others(105) == 106
    assert budget.syslog() == 107
    assert budget.post_hooks() == 108


def test_kubernetes_waits_longer() -> None:
    assert Budget({b"KUBERNETES_SERVICE_HOST": b"10.0.0.1"}, 0).total == 25


@pytest.mark.parametrize(
    ("variables", "total"),
    [
        ({b"MY_INIT_STOP_BUDGET": b"3"}, 3),
        ({b"MY_INIT_STOP_BUDGET": b"3", b"KUBERNETES_SERVICE_HOST": b"x"}, 3),
        ({b"KILL_PROCESS_TIMEOUT": b"55"}, 55),
        ({b"KILL_PROCESS_TIMEOUT": b"5", b"KILL_ALL_PROCESSES_TIMEOUT": b"5"}, 10),
        ({b"KILL_PROCESS_TIMEOUT": b"1", b"KILL_ALL_PROCESSES_TIMEOUT": b"1"}, 8),
    ],
)
def test_the_larger_wish_wins(variables: dict[bytes, bytes], total: float) -> None:
    assert Budget(variables, 0).total == total


def test_an_explicit_timeout_shortens_its_stage() -> None:
    budget = Budget({b"KILL_PROCESS_TIMEOUT": b"2", b"KILL_ALL_PROCESSES_TIMEOUT": b"0.5"}, 0)
    assert budget.services(0) == 2
    assert budget.others(2) == 2.5


def test_what_an_explicit_timeout_claims_does_not_go_to_the_hooks() -> None:
    """Compat 8: an image whose orderly stop takes long says so with one variable."""
    assert Budget({b"KILL_PROCESS_TIMEOUT": b"55"}, 0).services(0) == 52
    assert Budget({b"MY_INIT_STOP_BUDGET": b"60"}, 0).share == 7.5


@pytest.mark.parametrize("text", [b"soon", b"-1", b"nan", b"inf"])
def test_nonsense_is_named_and_the_default_used(text: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    assert Budget({b"MY_INIT_STOP_BUDGET": text}, 0).total == 8
    assert f"MY_INIT_STOP_BUDGET='{text.decode()}' is not a number of seconds" in capfd.readouterr().err


@given(
    whole=st.floats(0, 1e6),
    services=st.none() | st.floats(0, 1e6),
    others=st.none() | st.floats(0, 1e6),
)
def test_the_stages_come_one_after_the_other_and_fit(whole: float, services: float | None, others: float | None) -> None:
    variables = {b"MY_INIT_STOP_BUDGET": b"%f" % whole}
    if services is not None:
        variables[b"KILL_PROCESS_TIMEOUT"] = b"%f" % services
    if others is not None:
        variables[b"KILL_ALL_PROCESSES_TIMEOUT"] = b"%f" % others
    budget = Budget(variables, 0)
    pre = budget.pre_hooks(0)
    late_services = budget.services(pre)
    late_others = budget.others(late_services)
    times = [0, pre, late_services, late_others, budget.syslog(), budget.post_hooks()]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(budget.total)
