"""The table, the JSON and the picture, from numbers that are given."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import pytest

from bench import peers, picture, rows, run, table

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def results() -> run.Results:
    return run.Results(
        peers=("dodai", "a<b", "unmeasured"),
        values={
            "first": {"dodai": [12.0, 13.0, 20.0], "a<b": [26.0]},
            "wake-ups": {"dodai": [0.0], "a<b": [60.0]},
            "stop": {"a<b": [1161.4]},
            "restart": {},
        },
        about={"processor": "P", "cores": 2, "kernel": "6", "date": "today", "load before": 0.1, "load after": 0.2},
        notes={"a<b": "odd"},
        failures=("a<b: no luck",),
    )


def test_the_table_has_medians_ranges_ratios_and_goals(results: run.Results) -> None:
    text = table.markdown(results)
    title = rows.BY_KEY["first"].title
    assert f"| {title}, ms | 13<br><small>12–20</small> | 26 |" in text
    assert f"| {title} | 2 × |" in text
    assert f"| {title} | dodai | 14 | 13 | reached |" in text
    assert f"| {rows.BY_KEY['stop'].title}, ms | – | 1,161 |" in text
    assert "unmeasured" not in text
    assert rows.BY_KEY["restart"].title not in text
    assert "- a<b: no luck" in text
    assert "a<b: odd" in text


def test_a_missed_goal_is_said(results: run.Results) -> None:
    results.values["first"]["dodai"] = [15.5]
    assert "| 14 | 15.5 | **missed** by 1.5 |" in table.markdown(results)


def test_every_value_is_in_the_json(results: run.Results) -> None:
    document = json.loads(table.json_text(results))
    assert document["rows"]["first"]["peers"]["dodai"] == {
        "median": 13.0,
        "min": 12.0,
        "max": 20.0,
        "values": [12.0, 13.0, 20.0],
    }
    assert document["failures"] == ["a<b: no luck"]
    assert document["about"]["cores"] == 2


def test_the_picture_shows_each_number_once_and_stands_alone(results: run.Results) -> None:
    text = picture.svg(results)
    root = xml.etree.ElementTree.fromstring(text)
    entries = [group for group in root.iter(f"{SVG}g") if (group.get("class") or "").startswith("entry")]
    shown = [(group.findall(f"{SVG}text")[0].text, group.findall(f"{SVG}text")[1].text) for group in entries]
    assert sorted(shown) == sorted([("dodai", "13"), ("a<b", "26"), ("dodai", "0"), ("a<b", "60"), ("a<b", "1,161")])
    assert len([group for group in entries if group.get("class") == "entry ours"]) == 2
    assert text.count("http") == 1, "only the name space: nothing is loaded"
    width, height = float(root.get("width") or 0), float(root.get("height") or 0)
    for circle in root.iter(f"{SVG}circle"):
        assert 0 < float(circle.get("cx") or 0) < width
        assert 0 < float(circle.get("cy") or 0) < height


def test_where_more_is_better_the_most_comes_first_and_it_is_said(results: run.Results) -> None:
    results.values["log-rate"] = {"dodai": [900.0], "dodai-json": [30.0], "a<b": [60.0]}
    text = picture.svg(results)
    panel = text[text.index("MB/s (more is better)") :]
    names = [panel.index(f">{shown}<") for shown in ("dodai", "a&lt;b", "dodai-json")]
    assert names == sorted(names)
    assert text.count("(more is better)") == 1
    assert panel.count('class="entry ours"') == 2


def test_a_scale_keeps_order_and_gives_zero_a_place() -> None:
    scale = picture.Scale([0.0, 3.0, 250.0], 100.0, 500.0)
    assert scale.x(0.0) == 100.0 < scale.x(3.0) < scale.x(250.0) <= 500.0
    assert [scale.label(tick) for tick in scale.ticks()] == ["0", "1", "10", "100", "1,000"]
    assert scale.x(10.0) - scale.x(1.0) == pytest.approx(scale.x(100.0) - scale.x(10.0))


def test_all_peers_take_a_turn_at_being_first() -> None:
    chosen = [peers.Peer(name, ("/init",)) for name in "abc"]
    assert ["".join(peer.name for peer in run.turned(chosen, turn)) for turn in range(3)] == ["abc", "bca", "cab"]
