"""What the sessions about lines lay over an image, and how they count."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import layouts, logs, peers, rows, sessions

LOGGED = [peer for peer in peers.BUILT_IN if peer.log]


def test_bytes_of_the_service_count_and_nanoseconds_become_seconds() -> None:
    assert logs.megabytes_per_second(1_000_000, 5_000_000_000, 7_000_000_000) == pytest.approx(50)


def test_each_way_of_logging_is_measured() -> None:
    assert {peer.log for peer in LOGGED} == {log for some in peers.LOGS.values() for log in some}
    assert all(peer.log in peers.LOGS[peer.layout] for peer in LOGGED)


def test_a_peer_for_lines_only_is_in_no_other_row() -> None:
    about_lines = {key for key in rows.BY_KEY if key.startswith(("log-", "reap-logging"))}
    for peer in LOGGED:
        fitting = {key for session in (*sessions.SESSIONS, *sessions.TOGETHER) if session.fits(peer) for key in session.rows}
        assert bool(fitting - about_lines) is not peer.logs_only
        assert {"log-rate", "log-delay", "log-delay-p95"} <= fitting


@pytest.mark.parametrize("peer", LOGGED, ids=lambda peer: str(peer.name))
def test_its_logger_is_laid_out_with_lines_and_only_then(peer: peers.Peer, tmp_path: Path) -> None:
    layouts.write(peer, logs.SERVICE, tmp_path / "without", {})
    layouts.write(peer, logs.SERVICE, tmp_path / "with", {}, logs.DRIP)
    without, texts = contents(tmp_path / "without"), contents(tmp_path / "with")
    assert f"exec {layouts.PROGRAM} service00 --log 1000 2000\n" in texts
    assert "--log" not in without
    assert "bench-log" not in without
    if peer.log in peers.STREAMS:
        assert layouts.environment(peer) == {"MY_INIT_LOG_FORMAT": peer.log}
        assert "bench-log" not in texts
    else:
        assert layouts.environment(peer) == {}
        assert str(Path(layouts.LOG_FILES[peer.log]).parent).replace("/run", "", 1) in texts
        assert peer.log == peers.SUPERVISORD or f"exec {peer.log} " in texts


@pytest.mark.parametrize("lines", [logs.FLOOD, logs.DRIP, logs.ENDLESS])
def test_the_reader_keeps_only_what_is_asked_for(lines: layouts.Lines) -> None:
    assert lines.wanted == {logs.FLOOD: "all", logs.DRIP: "each", logs.ENDLESS: "drain"}[lines]


def contents(top: Path) -> str:
    """All files, the programs among them executable."""
    files = [path for path in sorted(top.rglob("*")) if path.is_file()]
    assert all(path.stat().st_mode & 0o111 for path in files if path.name == "run")
    return "".join(path.read_text(encoding="ascii") for path in files)
