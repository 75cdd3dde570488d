"""D2: the graph of services, as pure functions."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from guest.parts import order

NAMES = [b"a", b"b", b"c", b"d", b"e"]
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4).map(tuple), max_size=5)


def test_a_cycle_is_told_with_its_path() -> None:
    assert order.cycles({b"a": (b"b",), b"b": (b"c",), b"c": (b"b",)}) == [[b"b", b"c", b"b"]]
    assert order.cycles({b"a": (b"a",)}) == [[b"a", b"a"]]
    assert order.cycles({b"a": (b"b", b"c"), b"b": (b"c",), b"c": ()}) == []


def test_a_long_chain_needs_no_recursion() -> None:
    chain: order.Graph = {b"%d" % n: (b"%d" % (n + 1),) for n in range(5000)}
    assert order.cycles(chain) == []


def test_unknown_names() -> None:
    assert order.unknown({b"a": (b"b", b"x"), b"b": ()}) == {b"a": [b"x"]}


@given(GRAPHS)
def test_a_cycle_is_one_and_without_one_everything_has_a_turn(graph: dict[bytes, tuple[bytes, ...]]) -> None:
    found = order.cycles(graph)
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(need in graph[name] for name, need in itertools.pairwise(cycle))
    left = set(graph)
    while left and not found:
        now = order.may_stop(graph, left)
        assert now
        assert not any(need in now for name in left - now for need in graph[name]), "still needed"
        left -= now


@given(GRAPHS, st.sets(st.sampled_from(NAMES)))
def test_the_stop_always_ends(graph: dict[bytes, tuple[bytes, ...]], alive: set[bytes]) -> None:
    assert order.depth(graph, alive) <= len(alive)
