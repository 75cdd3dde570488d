"""F2: what the boot log becomes in the picture. Real containers are in tests/container/test_d_state.py."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from dodai.features.chart import page, read, svg, timeline
from tests.unit.host.conftest import Machine

SVG = "{http://www.w3.org/2000/svg}"

BOOT: list[dict[str, Any]] = [
    {"t": 100.01, "event": "boot", "time": 1.7e9, "started": 100.0, "pid": 1},
    {"t": 100.01, "event": "phase", "phase": "startup files"},
    {"t": 100.02, "event": "script-start", "path": "/etc/my_init.d/10_<slow>", "pid": 7, "kind": "startup"},
    {"t": 101.02, "event": "script-end", "path": "/etc/my_init.d/10_<slow>", "pid": 7, "code": 0},
    {"t": 101.03, "event": "phase", "phase": "running"},
    {"t": 101.04, "event": "service", "name": "web", "state": "starting"},
    {"t": 101.05, "event": "service", "name": "web", "state": "running", "pid": 9},
    {"t": 101.05, "event": "command-start", "program": "sleep", "pid": 20},
    {"t": 101.55, "event": "service", "name": "web", "state": "ready", "pid": 9},
    {"t": 101.56, "event": "ready"},
]
STOP: list[dict[str, Any]] = [
    {"t": 3600.0, "event": "unhealthy", "name": "web"},
    {"t": 3601.0, "event": "service", "name": "web", "state": "backoff", "signal": 9, "restarts": 1, "delay": 1.0},
    {"t": 7201.0, "event": "stop", "signal": "SIGTERM"},
    {"t": 7201.0, "event": "phase", "phase": "pre-shutdown hooks"},
    {"t": 7201.0, "event": "script-start", "path": "/hook", "pid": 30, "kind": "pre-shutdown"},
    {"t": 7201.2, "event": "script-end", "path": "/hook", "pid": 30, "code": 3},
    {"t": 7201.2, "event": "phase", "phase": "services stop"},
    {"t": 7201.2, "event": "service", "name": "web", "state": "stopping"},
    {"t": 7201.25, "event": "command-end", "signal": 15},
    {"t": 7201.3, "event": "service", "name": "web", "state": "down"},
    {"t": 7201.3, "event": "phase", "phase": "ended"},
    {"t": 7201.31, "event": "exit", "code": 143},
]


def bars(drawn: str, kind: str) -> list[tuple[float, float, str]]:
    """x, width and what hovering tells of each bar of a kind."""
    tree = ElementTree.fromstring(drawn)
    return [
        (float(rect.get("x", "")), float(rect.get("width", "")), rect.findtext(f"{SVG}title", ""))
        for rect in tree.iter(f"{SVG}rect")
        if rect.get("class") == f"bar {kind}" and rect.get("tabindex")
    ]


def texts(drawn: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def test_the_timeline_has_everything_that_was_done_and_for_how_long() -> None:
    what = timeline.make(BOOT + STOP)
    rows = {
        (row.group, row.label): [(round(bar.begin, 2), round(bar.end, 2), bar.kind, bar.about) for bar in row.bars]
        for row in what.rows
    }
    assert rows == {
        ("", "my_init"): [
            (0.0, 0.01, "phase", "the interpreter starts"),
            (0.01, 1.03, "phase", "startup files"),
            (1.03, 7101.0, "phase", "running"),
            (7101.0, 7101.2, "phase", "pre-shutdown hooks"),
            (7101.2, 7101.3, "phase", "services stop"),
        ],
        ("startup files", "/etc/my_init.d/10_<slow>"): [(0.02, 1.02, "script", "/etc/my_init.d/10_<slow>: exit code 0")],
        ("services", "web"): [
            (1.04, 1.05, "starting", "web: starting"),
            (1.05, 1.55, "running", "web: running, pid 9"),
            (1.55, 3500.0, "ready", "web: ready, pid 9"),
            (3500.0, 3501.0, "unhealthy", "web: unhealthy"),
            (3501.0, 7101.2, "backoff", "web: backoff, killed by signal 9, restart 1, waits 1 s"),
            (7101.2, 7101.3, "stopping", "web: stopping"),
        ],
        ("hooks", "/hook"): [(7101.0, 7101.2, "failed", "/hook: exit code 3")],
        ("command", "sleep"): [(1.05, 7101.25, "command", "sleep, pid 20: killed by signal 15")],
    }
    assert [(round(mark.at, 2), mark.label) for mark in what.marks] == [
        (1.56, "ready"),
        (7101.0, "stop: SIGTERM"),
        (7101.31, "exit 143"),
    ]
    assert (round(what.booted, 2), what.stopping, round(what.last, 2)) == (1.56, 7101.0, 7101.31)


def test_without_services_the_boot_is_over_when_the_command_runs() -> None:
    what = timeline.make([event for event in BOOT if event["event"] not in ("service", "ready")])
    assert what.booted == pytest.approx(1.05)


def test_a_boot() -> None:
    what = timeline.make(BOOT)
    assert what.booted == pytest.approx(1.56)
    assert what.stopping is None
    drawn = svg.draw("web-1", what)
    ((script_x, script_width, about),) = bars(drawn, "script")
    assert about == "/etc/my_init.d/10_<slow>: exit code 0\nfrom 0.020 s: 1.00 s"
    ((running_x, running_width, _),) = bars(drawn, "running")
    # A second and half a second on one scale, one after the other.
    assert script_width / running_width == pytest.approx(2, rel=0.01)
    assert script_x + script_width < running_x
    ((_, _, ready),) = bars(drawn, "ready")
    assert ready == "web: ready, pid 9\nfrom 1.550 s: goes on"
    assert {"webweb", "sleepsleep", "10_<slow>/etc/my_init.d/10_<slow>", "ready", "booted in 1.56 s"} <= set(texts(drawn))


def test_hours_between_boot_and_stop_are_cut() -> None:
    what = timeline.make(BOOT + STOP)
    drawn = svg.draw("web-1", what)
    assert "booted in 1.56 s, ran for 1 h 58 min, stopped in 310 ms" in texts(drawn)
    (hook,) = bars(drawn, "failed")
    assert hook[2] == "/hook: exit code 3\nfrom 7101.000 s: 200 ms"
    assert hook[1] > 50
    assert [about for _, _, about in bars(drawn, "backoff")] == [
        "web: backoff, killed by signal 9, restart 1, waits 1 s\nfrom 3501.000 s: 1 h 0 min"
    ]
    # The command is seen on both sides of the cut.
    assert len(bars(drawn, "command")) == 2
    assert {"stop: SIGTERM", "exit 143"} <= set(texts(drawn))
    assert all(x + width <= svg.WIDTH for kind in svg.LEGEND for x, width, _ in bars(drawn, kind))


def test_health_is_seen() -> None:
    what = timeline.make(
        [*BOOT, {"t": 101.6, "event": "unhealthy", "name": "web"}, {"t": 101.8, "event": "healthy", "name": "web"}]
    )
    (row,) = [row for row in what.rows if row.group == "services"]
    assert [bar.kind for bar in row.bars] == ["starting", "running", "ready", "unhealthy", "ready"]


def test_without_an_event_of_its_own_the_last_service_tells() -> None:
    what = timeline.make([event for event in BOOT if event["event"] != "ready"])
    assert [(round(mark.at, 3), mark.label) for mark in what.marks] == [(1.55, "ready")]


@pytest.mark.parametrize("count", range(1, len(BOOT + STOP) + 1))
def test_every_beginning_of_a_log_can_be_drawn(count: int) -> None:
    ElementTree.fromstring(svg.draw("x", timeline.make((BOOT + STOP)[:count])))


def test_nothing_from_a_container_becomes_markup() -> None:
    evil = '<script>alert("x")</script>\x1b[2J\x00\udc80'
    events = [
        *BOOT,
        {"t": 102.0, "event": "service", "name": evil, "state": evil},
        {"t": 102, "event": "command-start", "program": evil},
    ]
    drawn = svg.draw(evil, timeline.make(events))
    ElementTree.fromstring(drawn)
    html = page.make(evil, drawn)
    html.encode()
    assert html.count("<script>") == 1


def test_it_needs_nothing_from_elsewhere() -> None:
    html = page.make("x", svg.draw("x", timeline.make(BOOT)))
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "<title>x: boot</title>" in html


def test_what_is_no_event_is_left_out() -> None:
    assert read.parse('{"t": 1, "event": "boot"}\n[1]\n{"t": "x", "event": "y"}\n{"t": 2, "ev') == [{"t": 1, "event": "boot"}]


def test_bad_input_is_one_line(machine: Machine) -> None:
    machine.install("docker")
    machine.container("web", "a" * 64)
    for words, code, named in (
        (["boot-chart", "nope"], 123, "nope"),
        (["boot-chart", "web"], 123, "cannot read the boot log"),
        (["boot-chart", "web", "-o", "x.png"], 2, "x.png"),
        (["status", "--watch", "--json"], 2, "--watch"),
    ):
        done = machine.dodai(*words)
        assert (done.returncode, named in done.stderr.splitlines()[0]) == (code, True), done.stderr
        assert "Traceback" not in done.stderr


def test_status_without_a_container_of_ours(machine: Machine) -> None:
    machine.install("docker")
    machine.container("other", "b" * 64)
    done = machine.dodai("status")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "dodai: no container that is built on Dodai runs\n")
