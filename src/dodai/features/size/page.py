"""The sizes as a page: the picture, and the same numbers as tables for who wants to search or copy them."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax import saxutils

from dodai.features.size import compare, table, treemap

_STYLE = """
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 'DejaVu Sans', Verdana, Arial, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem; }
  svg { max-width: 100%; height: auto; }
  svg g:hover > rect { stroke: #333b45; stroke-width: 2; }
  pre { overflow-x: auto; font-size: 13px; }
"""


def html(parts: Sequence[compare.Part], *, title: str) -> str:
    """One file that needs nothing else."""
    safe = saxutils.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{safe}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{safe}</h1>\n"
        f"<p>Each rectangle is a package; its area is what its files take, unpacked. Point at one for its size.</p>\n"
        f"{treemap.svg(parts, title=title)}"
        f"<h2>In numbers</h2>\n<pre>{saxutils.escape(table.text(parts))}</pre>\n</body>\n</html>\n"
    )
