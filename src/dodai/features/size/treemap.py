"""The sizes as a picture: a treemap in SVG, an area for each package, a block for each part.

The layout is the squarified treemap of Bruls, Huizing and van Wijk (2000): rows are filled along the shorter side as long as
that makes their rectangles less oblong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from xml.sax import saxutils

from dodai.features.size import compare, table

WIDTH, HEIGHT = 1200, 640
MARGIN, HEAD, GAP = 16, 48, 8
FONT = "'DejaVu Sans', Verdana, Arial, sans-serif"
# Block, cell and ink of each part; there are more parts than colours when a user compares many images: then from the front.
COLOURS = (("#eef0f2", "#cfd6dd", "#333b45"), ("#eaf1f5", "#a9cbe0", "#1d4257"), ("#f4f1ea", "#e3cf9b", "#574415"))
_WIDE = 0.62  # of the font's size: an average letter of DejaVu Sans


@dataclasses.dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float


def squarify(sizes: Sequence[float], box: Box) -> list[Box]:
    """A rectangle of `box` for each size, in order, areas in proportion. Sizes are positive, best from large to small."""
    total = sum(sizes)
    if not total:
        return []
    scale = box.width * box.height / total
    areas, found = [size * scale for size in sizes], []
    while areas:
        side = min(box.width, box.height)
        count = 1
        while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
            count += 1
        row, box = _row(areas[:count], box)
        found += row
        areas = areas[count:]
    return found


def svg(parts: Sequence[compare.Part], *, title: str) -> str:
    """The picture of `parts`, with a tooltip on each package and a description for who cannot see it."""
    total = sum(part.total for part in parts)
    said = ", ".join(f"{part.name} {table.mb(part.total)} MB" for part in parts)
    about = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="t d"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {about} font-family="{FONT}" font-size="13">',
        f'  <title id="t">{saxutils.escape(title)}</title>',
        f'  <desc id="d">A treemap; the area of a rectangle is the size of a package. {saxutils.escape(said)}.</desc>',
        f'  <rect width="{WIDTH}" height="{HEIGHT}" rx="14" fill="#ffffff"/>',
    ]
    room = WIDTH - 2 * MARGIN - GAP * (len(parts) - 1)
    x = float(MARGIN)
    for at, part in enumerate(parts):
        width = room * max(part.total, 0) / total if total else 0
        lines += _block(part, Box(x, MARGIN, width, HEIGHT - 2 * MARGIN), COLOURS[at % len(COLOURS)])
        x += width + GAP
    return "\n".join([*lines, "</svg>"]) + "\n"


def _block(part: compare.Part, box: Box, colours: tuple[str, str, str]) -> list[str]:
    block, cell, ink = colours
    lines = [_rect(box, block, cell, 10)]
    heading = part.name if part.name == compare.BASE else f"+ {part.name}"
    for offset, size, words in ((21, 15, heading), (39, 13, f"{table.mb(part.total)} MB")):
        weight = ' font-weight="bold"' if size == 15 else ""
        cut = _fit(words, box.width - 16, size)
        if cut:
            lines.append(
                f'  <text x="{box.x + 10:.1f}" y="{box.y + offset:.1f}" font-size="{size}" fill="{ink}"{weight}>{cut}</text>'
            )
    inner = Box(box.x + 6, box.y + HEAD, max(box.width - 12, 1), box.height - HEAD - 6)
    named = _drawn(part.packages)
    for (name, size), place in zip(named, squarify([size for _, size in named], inner), strict=True):
        lines += _cell(name, size, place, cell, ink)
    return lines


def _drawn(packages: Mapping[str, int]) -> list[tuple[str, int]]:
    """What has an area, the largest first."""
    return sorted(((name, size) for name, size in packages.items() if size > 0), key=lambda item: (-item[1], item[0]))


def _cell(name: str, size: int, box: Box, fill: str, ink: str) -> list[str]:
    hint = f"<title>{saxutils.escape(name)}: {size / 1e6:.2f} MB</title>"
    lines = [f"  <g>{hint}", "  " + _rect(box, fill, "#ffffff", 3)]
    font = 13 if box.width > 90 and box.height > 40 else 11
    words = _fit(name, box.width - 8, font)
    if words and box.height >= font + 6:
        lines.append(f'    <text x="{box.x + 5:.1f}" y="{box.y + font + 3:.1f}" font-size="{font}" fill="{ink}">{words}</text>')
        if box.height >= 2 * font + 10 and _fit(f"{size / 1e6:.1f}", box.width - 8, 11):
            lines.append(
                f'    <text x="{box.x + 5:.1f}" y="{box.y + 2 * font + 6:.1f}" font-size="11" fill="{ink}" '
                f'fill-opacity="0.75">{size / 1e6:.1f}</text>'
            )
    return [*lines, "  </g>"]


def _fit(words: str, width: float, font: int) -> str:
    """The words as far as they fit, or nothing when too little would be left to be told apart."""
    room = int(width / (font * _WIDE))
    if len(words) > room:
        words = words[: room - 1] + "…" if room >= 5 else ""
    return saxutils.escape(words)


def _rect(box: Box, fill: str, stroke: str, radius: int) -> str:
    return (
        f'  <rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="{radius}" '
        f'fill="{fill}" stroke="{stroke}"/>'
    )


def _worst(areas: Sequence[float], side: float) -> float:
    """The most oblong of a row's rectangles, as long side over short."""
    total = sum(areas)
    return max(max(side * side * area / total**2, total**2 / (side * side * area)) for area in (min(areas), max(areas)))


def _row(areas: Sequence[float], box: Box) -> tuple[list[Box], Box]:
    """Lay a row along the shorter side; return it and what is left of the box."""
    total = sum(areas)
    row = []
    if box.width >= box.height:
        depth, at = total / box.height, box.y
        for area in areas:
            row.append(Box(box.x, at, depth, area / depth))
            at += area / depth
        return row, Box(box.x + depth, box.y, max(box.width - depth, 0.0), box.height)
    depth, at = total / box.width, box.x
    for area in areas:
        row.append(Box(at, box.y, area / depth, depth))
        at += area / depth
    return row, Box(box.x, box.y + depth, box.width, max(box.height - depth, 0.0))
