"""The whole measurement: peers take turns, so that what disturbs the machine meets all of them."""

from __future__ import annotations

import dataclasses
import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import container, peers, rows, sessions
from dodai import errors, output

Values = dict[str, dict[str, list[float]]]  # row → peer → values, in the order they were measured


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """How often each peer is measured, and how long idle containers are watched, in seconds."""

    runs: int
    idle: float


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """Everything of one measurement. `about` says on what machine and when, `failures` what could not be measured."""

    peers: tuple[str, ...]
    values: Values
    about: dict[str, str | int | float]
    notes: dict[str, str]
    failures: tuple[str, ...]


def choose(known: Sequence[peers.Peer], only: Sequence[str]) -> tuple[list[peers.Peer], list[str]]:
    """The peers and the keys of the rows that `only` leaves. Raises UsageError for a name that is neither."""
    names = {peer.name for peer in known}
    for word in only:
        if word not in names and word not in rows.BY_KEY:
            raise errors.UsageError(
                f'cannot measure "{word}": it is neither a row nor a peer',
                hint=f"rows: {', '.join(rows.BY_KEY)}; peers: {', '.join(peer.name for peer in known)}",
            )
    some_peers = [peer for peer in known if peer.name in only]
    some_rows = [key for key in rows.BY_KEY if key in only]
    return some_peers or list(known), some_rows or list(rows.BY_KEY)


def measure(kit: container.Kit, chosen: Sequence[peers.Peer], wanted: Sequence[str], settings: Settings) -> Results:
    """Run every session that yields a wanted row."""
    values: Values = {key: {} for key in wanted}
    failures: list[str] = []
    about = _about()
    for what, found in _measured(kit, chosen, wanted, settings, failures):
        for row, value in found.items():
            if row in values:
                values[row].setdefault(what, []).append(value)
    about["load after"] = round(os.getloadavg()[0], 2)
    notes = {peer.name: peer.note for peer in chosen if peer.note}
    return Results(tuple(peer.name for peer in chosen), values, about, notes, tuple(dict.fromkeys(failures)))


def _measured(
    kit: container.Kit, chosen: Sequence[peers.Peer], wanted: Sequence[str], settings: Settings, failures: list[str]
) -> Iterator[tuple[str, sessions.Values]]:
    """(peer, values by row), one after the other."""
    for session in sessions.SESSIONS:
        fitting = [peer for peer in chosen if session.fits(peer)]
        if not set(session.rows) & set(wanted):
            continue
        runs = _runs(session.share, settings.runs)
        with output.progress(f"measuring {', '.join(session.rows)}") as shown:
            # The first is not counted: it brings the files into memory.
            for run in range(-1, runs):
                for peer in turned(fitting, run):
                    shown.update(f"{peer.name}, run {run + 1} of {runs}")
                    try:
                        found = session.measure(kit, peer)
                    except container.Failed as error:
                        failures.append(str(error))
                        continue
                    if run >= 0:
                        yield peer.name, found
    for group in sessions.TOGETHER:
        fitting = [peer for peer in chosen if group.fits(peer)]
        if not set(group.rows) & set(wanted) or not fitting:
            continue
        runs = _runs(group.share, settings.runs)
        with output.progress(f"measuring {', '.join(group.rows)}") as shown:
            for run in range(runs):
                shown.update(f"all peers at once, run {run + 1} of {runs}")
                yield from group.measure(kit, turned(fitting, run), settings.idle, failures).items()


def _runs(share: int, runs: int) -> int:
    """One where `share` is 0; else a part of what was asked for, but three where that many were."""
    return 1 if share == 0 else max(runs // share, min(runs, 3))


def turned(chosen: list[peers.Peer], run: int) -> list[peers.Peer]:
    """Another one first in each run."""
    first = run % len(chosen) if chosen else 0
    return chosen[first:] + chosen[:first]


def _about() -> dict[str, str | int | float]:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "kernel": platform.release(),
        "load before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
