"""The pages of the documentation as the tests read them: fenced blocks, links, headings."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`[^`\n]*`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is (empty: none), its text and its line on the page."""

    language: str
    file: str
    text: str
    line: int


def every() -> list[Path]:
    """README, CONTRIBUTING and all of docs/."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, _, file = match[1].strip().partition(" ")
        found.append(Block(language, file.strip(), match[2], text.count("\n", 0, match.start()) + 1))
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where a page points: addresses, paths, anchors."""
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes anchors of them."""
    words = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", word.lower()).replace(" ", "-") for word in words}
