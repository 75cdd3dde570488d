"""A Dockerfile, as far as it decides what a layer keeps and what the image is built on."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from dodai.features.lint import finding, secrets

_INSTALLS = re.compile(r"\bapt(-get)?\s+(-\S+\s+)*update\b")
_CLEANS = re.compile(r"rm\s+-\S*\s+[^&;|]*/var/lib/apt/lists|--mount=type=(cache|tmpfs)\S*/var/lib/apt")


def check(path: Path) -> list[finding.Finding]:
    """The findings in one Dockerfile."""
    found: list[finding.Finding] = []
    stages: set[str] = set()
    arguments: dict[str, str] = {}
    for line, instruction, rest in instructions(path.read_text(encoding="utf-8", errors="replace")):
        if instruction == "FROM":
            found += _base(rest, stages, arguments, str(path), line)
        elif instruction in ("ENV", "ARG"):
            pairs = _pairs(rest)
            arguments |= dict(pairs) if instruction == "ARG" else {}
            found += secrets.check(pairs, str(path), line)
        elif instruction == "RUN" and _INSTALLS.search(rest) and not _CLEANS.search(rest):
            remedy = "use install_clean, or end this RUN with && rm -rf /var/lib/apt/lists/*"
            found.append(finding.make("apt-lists-kept", str(path), "apt-get update without removing its lists", remedy, line))
    return found


def instructions(text: str) -> list[tuple[int, str, str]]:
    """(line, instruction, the rest) of each, with continued lines joined and comments left out."""
    found: list[tuple[int, str, str]] = []
    pending, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#") or (not stripped and pending):
            continue
        begun = begun or number
        if stripped.endswith("\\"):
            pending += stripped[:-1] + " "
            continue
        instruction, _, rest = (pending + stripped).partition(" ")
        if instruction:
            found.append((begun, instruction.upper(), rest.strip()))
        pending, begun = "", 0
    return found


def _base(rest: str, stages: set[str], arguments: dict[str, str], path: str, line: int) -> list[finding.Finding]:
    words = [word for word in rest.split() if not word.startswith("--")]
    earlier = frozenset(stages)
    if len(words) == 3 and words[1].upper() == "AS":
        stages.add(words[2].lower())
    image = re.sub(r"\$\{?(\w+)\}?", lambda match: arguments.get(match[1], match[0]), words[0]) if words else ""
    if image.lower() in earlier or image in ("", "scratch") or "$" in image or "@" in image:
        return []
    tag = image.rpartition("/")[2].partition(":")[2]
    if tag not in ("", "latest"):
        return []
    remedy = "name a version, or a digest"
    return [finding.make("latest-base", path, f"it is built on {image.removesuffix(':latest')}:latest", remedy, line)]


def _pairs(rest: str) -> list[tuple[str, str]]:
    """NAME=VALUE …, or the older NAME VALUE."""
    try:
        words = shlex.split(rest)
    except ValueError:
        words = rest.split()
    if words and "=" not in words[0]:
        return [(words[0], " ".join(words[1:]))]
    return [(name, value) for name, _, value in (word.partition("=") for word in words)]
