"""Results as a table for people and as JSON for programs."""

from __future__ import annotations

import json

from bench import peers, rows, run, stats


def markdown(results: run.Results) -> str:
    """The medians with ranges, one column a peer, and how far Dodai is from its goals."""
    named = [name for name in results.peers if any(results.values[key].get(name) for key in results.values)]
    lines = [f"Medians of {_runs(results)} runs, the peers taking turns; least and most below. {_machine(results)}", ""]
    lines += [f"| | {' | '.join(named)} |", f"|---|{'---|' * len(named)}"]
    for row in rows.ROWS:
        if results.values.get(row.key):
            cells = [_cell(results, row.key, name) for name in named]
            lines.append(f"| {row.title}{f', {row.unit}' if row.unit else ''} | {' | '.join(cells)} |")
    lines += ["", *_times(results, named), "", *_goals(results)]
    if results.notes:
        lines += ["", "Notes: " + "; ".join(f"{name}: {note}" for name, note in results.notes.items()) + "."]
    if results.failures:
        lines += ["", "Not measured:", "", *(f"- {failure}" for failure in results.failures)]
    return "\n".join(lines) + "\n"


def json_text(results: run.Results) -> str:
    """Every value, with the summaries."""
    found: dict[str, object] = {}
    for key, measured in results.values.items():
        row = rows.BY_KEY[key]
        found[key] = {
            "title": row.title,
            "unit": row.unit,
            "peers": {name: _numbers(values) for name, values in measured.items() if values},
        }
    document = {"about": results.about, "notes": results.notes, "failures": list(results.failures), "rows": found}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _numbers(values: list[float]) -> dict[str, object]:
    made = stats.summary(values)
    assert made is not None
    return {
        "median": round(made.median, 4),
        "min": round(made.least, 4),
        "max": round(made.most, 4),
        "values": [round(value, 4) for value in values],
    }


def _cell(results: run.Results, key: str, name: str) -> str:
    found = stats.summary(results.values[key].get(name, ()))
    if found is None:
        return "–"
    spread = f"<br><small>{stats.short(found.least)}–{stats.short(found.most)}</small>" if found.runs > 1 else ""
    return f"{stats.short(found.median)}{spread}"


def _times(results: run.Results, named: list[str]) -> list[str]:
    """How many times Dodai's median each peer's is."""
    others = [name for name in named if name not in (peers.DODAI, peers.DODAI_DEFAULT)]
    if peers.DODAI not in named or not others:
        return []
    lines = [f"| times {peers.DODAI} | {' | '.join(others)} |", f"|---|{'---|' * len(others)}"]
    for row in rows.ROWS:
        base = stats.summary(results.values.get(row.key, {}).get(peers.DODAI, ()))
        if base is None or base.median <= 0:
            continue
        cells = []
        for name in others:
            found = stats.summary(results.values[row.key].get(name, ()))
            times = stats.ratio(found.median, base.median) if found is not None else None
            cells.append("–" if times is None else f"{stats.short(times)} ×")
        lines.append(f"| {row.title} | {' | '.join(cells)} |")
    return lines


def _goals(results: run.Results) -> list[str]:
    lines = []
    for row in rows.ROWS:
        for name, goal in row.goals.items():
            found = stats.summary(results.values.get(row.key, {}).get(name, ()))
            if found is not None:
                verdict = "reached" if found.median <= goal else f"**missed** by {stats.short(found.median - goal)}"
                lines.append(f"| {row.title} | {name} | {stats.short(goal)} | {stats.short(found.median)} | {verdict} |")
    return ["| goal | | at most | median | |", "|---|---|---|---|---|", *lines] if lines else []


def _runs(results: run.Results) -> str:
    counts = {len(values) for measured in results.values.values() for values in measured.values()}
    return f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(max(counts, default=0))


def _machine(results: run.Results) -> str:
    about = results.about
    return (
        f"{about.get('processor')}, {about.get('cores')} cores, Linux {about.get('kernel')}, {about.get('date')},"
        f" load {about.get('load before')} before and {about.get('load after')} after."
    )
