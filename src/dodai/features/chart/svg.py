"""The picture: one SVG without anything from elsewhere. Time runs to the right; between boot and stop it is cut short."""

from __future__ import annotations

import dataclasses
import math
from html import escape

from dodai.features.chart import timeline

WIDTH, LABELS, RIGHT = 1200, 250, 30
TOP, ROW, BAR = 92, 24, 16
CUT = 44  # of the width, between boot and stop

STYLE = """
.chart { --ink: #1d2433; --soft: #6b7487; --line: #e3e7ee; --paper: #ffffff; background: var(--paper);
  font: 13px/1.4 system-ui, -apple-system, "Segoe UI", sans-serif; }
.chart text { fill: var(--ink); }
.chart .soft { fill: var(--soft); font-size: 11px; }
.chart .title { font-size: 20px; font-weight: 600; }
.chart .group { fill: var(--soft); font-size: 11px; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; }
.chart .grid { stroke: var(--line); }
.chart .mark { stroke: var(--ink); stroke-dasharray: 3 3; }
.chart .cut { stroke: var(--soft); stroke-dasharray: 2 4; }
.chart .bar { stroke: var(--paper); stroke-width: 1; rx: 3px; }
.chart .bar:hover, .chart .bar:focus { stroke: var(--ink); stroke-width: 1.5; outline: none; }
.chart .phase { fill: #9aa8c0; }
.chart .script { fill: #4f7fd9; }
.chart .hook { fill: #8d6fd1; }
.chart .command { fill: #1d6f8a; }
.chart .starting { fill: #cfd8e6; }
.chart .running { fill: #f0b94a; }
.chart .ready { fill: #3fa66a; }
.chart .unhealthy { fill: #e07b39; }
.chart .backoff { fill: #e79a8f; }
.chart .failed { fill: #c8372d; }
.chart .stopping { fill: #8d97a8; }
@media (prefers-color-scheme: dark) {
  .chart { --ink: #e8ecf4; --soft: #98a2b6; --line: #2c3444; --paper: #141924; }
  .chart .starting { fill: #46526a; }
}
"""

LEGEND = {
    "phase": "phase",
    "script": "startup file",
    "starting": "starting",
    "running": "running, not ready",
    "ready": "ready",
    "unhealthy": "unhealthy",
    "backoff": "waits for a restart",
    "failed": "failed",
    "stopping": "stopping",
    "hook": "hook",
    "command": "command",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time and where it lies in the picture."""

    begin: float
    end: float
    left: float
    right: float

    def x(self, at: float) -> float:
        """Where a moment is, at the edges when it is outside."""
        share = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return self.left + share * (self.right - self.left)


def draw(name: str, what: timeline.Timeline) -> str:
    """The SVG of a container's timeline."""
    places, height = _places(what)
    windows = _windows(what)
    kinds = {bar.kind for row in what.rows for bar in row.bars}
    about = _text(f"Timeline of {name}: {_headline(what)}")
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" {size} role="img" aria-label="{about}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="var(--paper)"/>',
        f'<text class="title" x="20" y="34">{_text(name)}</text>',
        f'<text class="soft" x="20" y="54">{_text(_headline(what))}</text>',
        _legend(kinds),
    ]
    for window in windows:
        parts.append(_axis(window, height))
    if len(windows) == 2:
        middle = (windows[0].right + windows[1].left) / 2
        parts.append(f'<line class="cut" x1="{middle:.1f}" x2="{middle:.1f}" y1="{TOP - 14}" y2="{height - 14}"/>')
        pause = duration(windows[1].begin - windows[0].end)
        parts.append(f'<text class="soft" x="{middle:.1f}" y="{TOP - 18}" text-anchor="middle">{pause}</text>')
    for mark in what.marks:
        parts.append(_mark(mark, windows, height))
    for row, y in zip(what.rows, places.rows, strict=True):
        parts.append(_row(row, y, windows))
    parts += [f'<text class="group" x="20" y="{y}">{_text(group)}</text>' for group, y in places.groups]
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def duration(seconds: float) -> str:
    """Short words for a time: 12 ms, 1.25 s, 3 min, 2 h 5 min."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@dataclasses.dataclass(frozen=True, slots=True)
class _Places:
    rows: list[int]
    groups: list[tuple[str, int]]


def _places(what: timeline.Timeline) -> tuple[_Places, int]:
    rows: list[int] = []
    groups: list[tuple[str, int]] = []
    y, group = TOP, ""
    for row in what.rows:
        if row.group != group:
            group = row.group
            y += 22
            groups.append((group, y - 4))
        rows.append(y)
        y += ROW
    return _Places(rows, groups), y + 36


def _windows(what: timeline.Timeline) -> list[Window]:
    """The boot; and the stop, when there was one, in a window of its own unless it follows at once."""
    right = float(WIDTH - RIGHT)
    if what.stopping is None:
        return [Window(0.0, max(what.booted * 1.08, 0.01), LABELS, right)]
    boot, stop = what.booted * 1.08, max(what.last - what.stopping, 0.001)
    if what.stopping <= what.booted * 2 or what.stopping < boot + stop:
        return [Window(0.0, max(what.last * 1.02, 0.01), LABELS, right)]
    # Each gets its share of the width, but not less than a quarter.
    share = min(max(boot / (boot + stop), 0.25), 0.75)
    middle = LABELS + (right - LABELS - CUT) * share
    return [
        Window(0.0, boot, LABELS, middle),
        Window(what.stopping - stop * 0.08, what.last + stop * 0.05, middle + CUT, right),
    ]


def _axis(window: Window, height: int) -> str:
    step = _step((window.end - window.begin) / max(1, (window.right - window.left) / 90))
    parts = []
    number = math.ceil(window.begin / step)
    while number * step <= window.end:
        at = number * step
        x = window.x(at)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{height - 26}"/>')
        parts.append(f'<text class="soft" x="{x:.1f}" y="{height - 12}" text-anchor="middle">{_tick(at, step)}</text>')
        number += 1
    return "\n".join(parts)


def _step(least: float) -> float:
    """1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= least), 10 * power)


def _tick(at: float, step: float) -> str:
    return f"{at:.{max(0, -math.floor(math.log10(step)))}f} s"


def _row(row: timeline.Row, y: int, windows: list[Window]) -> str:
    label = row.label.rpartition("/")[2] or row.label
    label = label if len(label) <= 32 else f"{label[:31]}…"
    parts = [f'<text x="{LABELS - 12}" y="{y + 13}" text-anchor="end">{_text(label)}<title>{_text(row.label)}</title></text>']
    for bar in row.bars:
        for window in windows:
            if bar.end < window.begin or bar.begin > window.end:
                continue
            left, right = window.x(bar.begin), window.x(bar.end)
            took = "goes on" if bar.end == timeline.OPEN else duration(bar.end - bar.begin)
            kind = bar.kind if bar.kind in LEGEND else "phase"
            about = f"{bar.about}\nfrom {bar.begin:.3f} s: {took}"
            parts.append(
                f'<rect class="bar {kind}" tabindex="0" x="{left:.1f}" y="{y + 1}" width="{max(right - left, 2):.1f}" '
                f'height="{BAR}"><title>{_text(about)}</title></rect>'
            )
    return "\n".join(parts)


def _mark(mark: timeline.Mark, windows: list[Window], height: int) -> str:
    for window in windows:
        if window.begin <= mark.at <= window.end:
            x = window.x(mark.at)
            anchor = "end" if x > WIDTH - 120 else "start"
            return (
                f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 10}" y2="{height - 26}"/>'
                f'<text class="soft" x="{x + (4 if anchor == "start" else -4):.1f}" y="{TOP - 4}" text-anchor="{anchor}">'
                f"{_text(mark.label)}</text>"
            )
    return ""


def _legend(kinds: set[str]) -> str:
    parts: list[str] = []
    x = float(WIDTH - RIGHT)
    for kind, words in reversed(LEGEND.items()):
        if kind in kinds:
            x -= 30 + 6.2 * len(words)
            parts.append(f'<rect class="bar {kind}" x="{x:.1f}" y="24" width="12" height="12"/>')
            parts.append(f'<text class="soft" x="{x + 16:.1f}" y="34">{words}</text>')
    return "\n".join(parts)


def _headline(what: timeline.Timeline) -> str:
    words = f"booted in {duration(what.booted)}"
    if what.stopping is not None:
        words += f", ran for {duration(what.stopping - what.booted)}, stopped in {duration(what.last - what.stopping)}"
    return words


def _text(words: str) -> str:
    """XML takes neither control characters nor halves of characters."""
    clean = "".join(c if c == "\n" or (c.isprintable() and not "\ud800" <= c <= "\udfff") else "�" for c in words)
    return escape(clean)
