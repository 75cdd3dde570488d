"""Results as a picture: one panel a row, one line a peer, on a logarithmic scale. SVG 1.1 that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from bench import peers, rows, run, stats

MARGIN = 28
CARD = 580  # the width of a panel; there are two columns of them
COLUMNS = 2
NAMES = 120  # for the peers' names, left of the scale
NUMBERS = 70  # for the medians, right of it
LINE = 24
HEAD = 62
FOOT = 30
TOP = 96
GAP = 16
WIDTH = 2 * MARGIN + COLUMNS * CARD + (COLUMNS - 1) * GAP
PADDING = 20  # of a card

_STYLE = """\
  <style>
    svg {
      --ink: #1f2430; --soft: #6b7280; --faint: #e6e8ee; --card: #ffffff; --page: #f5f6f9; --ours: #0f766e; --theirs: #8a94a6;
      font: 14px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif
    }
    @media (prefers-color-scheme: dark) {
      svg { --ink: #e7eaf0; --soft: #9aa3b2; --faint: #2d3340; --card: #1b2029; --page: #12151b }
      svg { --ours: #2dd4bf; --theirs: #7c8799 }
    }
    text { fill: var(--ink) }
    .page { fill: var(--page) } .card { fill: var(--card); stroke: var(--faint) }
    .title { font-size: 22px; font-weight: 650 } .row { font-weight: 600 } .soft { fill: var(--soft); font-size: 12px }
    .grid { stroke: var(--faint) } .goal { stroke: var(--ours); stroke-width: 1.5; stroke-dasharray: 3 3 }
    .range { stroke: var(--theirs); stroke-width: 6; stroke-linecap: round; opacity: .35 }
    .dot { fill: var(--theirs) } .number { text-anchor: end; font-variant-numeric: tabular-nums }
    .ours .dot { fill: var(--ours) } .ours .range { stroke: var(--ours) } .ours text { font-weight: 650; fill: var(--ours) }
    .entry:hover .range { opacity: .8 } .entry:hover text { font-weight: 650 }
  </style>
"""


class Scale:
    """A logarithmic scale from a power of ten to a power of ten; where there are zeros, they lie at its beginning."""

    def __init__(self, values: Sequence[float], left: float, right: float) -> None:
        positive = [value for value in values if value > 0] or [1.0]
        self.first = math.floor(math.log10(min(positive)))
        self.last = max(math.ceil(math.log10(max(positive))), self.first + 1)
        self.zero = any(value <= 0 for value in values)
        self.first -= self.zero
        self._left = left
        self._right = right

    def x(self, value: float) -> float:
        """Where a value lies."""
        if value <= 0:
            return self._left
        share = (math.log10(value) - self.first) / (self.last - self.first)
        return self._left + max(share, 0.0) * (self._right - self._left)

    def label(self, tick: float) -> str:
        """What stands below a tick."""
        if self.zero and tick == 10.0**self.first:
            return "0"
        return f"{tick:,.0f}" if tick >= 1 else f"{tick:g}"

    def holds(self, value: float) -> bool:
        """Whether a value lies on it."""
        return 10.0**self.first <= value <= 10.0**self.last

    def ticks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**power for power in range(self.first, self.last + 1)]


def svg(results: run.Results) -> str:
    """The whole picture."""
    panels = []
    filled = [float(TOP)] * COLUMNS
    for row in rows.ROWS:
        found = {name: made for name, values in results.values.get(row.key, {}).items() if (made := stats.summary(values))}
        if found:
            column = filled.index(min(filled))
            panels.append(_panel(row, found, MARGIN + column * (CARD + GAP), filled[column]))
            filled[column] += HEAD + LINE * len(found) + FOOT + GAP
    height = max(filled) - GAP + MARGIN
    about = results.about
    machine = f"{about.get('processor')}, {about.get('cores')} cores, {about.get('date')}"
    size = f'width="{WIDTH}" height="{height:g}"'
    box = f'viewBox="0 0 {WIDTH} {height:g}"'
    label = "my_init and its peers, side by side"
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" aria-label="{label}">\n',
            _STYLE,
            f'  <rect class="page" {size}/>\n',
            _text("title", MARGIN, 48, label),
            _text(
                "soft",
                MARGIN,
                72,
                f"Medians and ranges on a logarithmic scale; less is better unless it says more; dashed: the goal. {machine}",
            ),
            *panels,
            "</svg>\n",
        ]
    )


def _panel(row: rows.Row, found: dict[str, stats.Summary], edge: float, top: float) -> str:
    left, right = edge + PADDING, edge + CARD - PADDING
    scale = Scale(
        [value for made in found.values() for value in (made.least, made.median, made.most)], left + NAMES, right - NUMBERS
    )
    first, last = top + HEAD - 12, top + HEAD + LINE * len(found)
    unit = f" {row.unit}" if row.unit else ""
    card = f'width="{CARD}" height="{last - top + FOOT:g}" rx="10"'
    parts = [
        f'  <rect class="card" x="{edge:g}" y="{top:g}" {card}/>\n',
        _text("row", left, top + 30, _heading(row, unit)),
    ]
    for tick in scale.ticks():
        parts += [
            _upright("grid", scale.x(tick), first, last),
            _text("soft", scale.x(tick), last + 16, scale.label(tick), "middle"),
        ]
    goal = row.goals.get(peers.DODAI) if peers.DODAI in found else None
    if goal and scale.holds(goal):
        parts.append(_upright("goal", scale.x(goal), first, last, f"goal of {peers.DODAI}: at most {stats.short(goal)}{unit}"))
    for index, (name, made) in enumerate(_best_first(row, found)):
        parts.append(_entry(name, made, unit, scale, (left, right, top + HEAD + LINE * index + 6)))
    return "".join(parts)


def _heading(row: rows.Row, unit: str) -> str:
    return row.title.replace("`", "") + (f",{unit}" if unit else "") + (" (more is better)" if row.more else "")


def _best_first(row: rows.Row, found: dict[str, stats.Summary]) -> list[tuple[str, stats.Summary]]:
    return sorted(found.items(), key=lambda item: item[1].median, reverse=row.more)


def _entry(name: str, made: stats.Summary, unit: str, scale: Scale, place: tuple[float, float, float]) -> str:
    left, right, y = place
    ours = " ours" if name in peers.OURS else ""
    least, median, most = (stats.short(value) for value in (made.least, made.median, made.most))
    told = f"{name}: {median}{unit}, from {least} to {most} in {made.runs} run{'s' if made.runs > 1 else ''}"
    # A line without length would not be drawn.
    ends = f'x1="{scale.x(made.least):.1f}" x2="{scale.x(made.most) + 0.1:.1f}"'
    return "".join(
        [
            f'  <g class="entry{ours}"><title>{escape(told)}</title>\n',
            _text("name", left, y + 5, name),
            f'  <line class="range" {ends} y1="{y:g}" y2="{y:g}"/>\n',
            f'  <circle class="dot" cx="{scale.x(made.median):.1f}" cy="{y:g}" r="5"/>\n',
            _text("number", right, y + 5, median),
            "  </g>\n",
        ]
    )


def _text(style: str, x: float, y: float, words: str, anchor: str = "") -> str:
    place = f' text-anchor="{anchor}"' if anchor else ""
    return f'  <text class="{style}" x="{x:.1f}" y="{y:g}"{place}>{escape(words)}</text>\n'


def _upright(style: str, x: float, top: float, bottom: float, told: str = "") -> str:
    title = f"<title>{escape(told)}</title>" if told else ""
    return f'  <line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{bottom:g}">{title}</line>\n'
