"""One thing that is wrong, and the rules that are the host's own; the image's are in the image (dodaictl lint)."""

from __future__ import annotations

import dataclasses

ERROR, WARNING, NOTE = "error", "warning", "note"
LEVELS = (ERROR, WARNING, NOTE)
DOCS = "docs/reference/lint.md"

# Rule: its level, and in one sentence what comes of it.
RULES = {
    "secret-in-env": (ERROR, "Whoever can pull the image reads the variables that it sets."),
    "latest-base": (NOTE, "The image changes when its base does, without any change of yours."),
    "apt-lists-kept": (WARNING, "Package lists stay in the layer that fetched them, also when a later one removes them."),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Which rule, how grave, where (a path, in the image or here, and a line), why, and what to do."""

    rule: str
    level: str
    path: str
    line: int | None
    why: str
    remedy: str
    docs: str

    def members(self) -> dict[str, object]:
        """As JSON has it; the same form as `dodaictl lint --json`."""
        return {
            "id": self.rule,
            "level": self.level,
            "path": self.path,
            "line": self.line,
            "why": self.why,
            "remedy": self.remedy,
            "docs": self.docs,
        }


def make(rule: str, path: str, why: str, remedy: str, line: int | None = None) -> Finding:
    """A finding of one of our own rules."""
    return Finding(rule, RULES[rule][0], path, line, why, remedy, f"{DOCS}#{rule}")
