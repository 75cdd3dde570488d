"""One thing that is wrong."""

from guest.floor import lint_rules

DOCS = "docs/reference/lint.md"


class Finding:
    """Which rule, where (a path inside the tree, a line or 0), why, and what to do."""

    __slots__ = ("line", "path", "remedy", "rule", "why")

    def __init__(self, rule: str, path: bytes, why: str, remedy: str, line: int = 0) -> None:
        self.rule = rule
        self.path = path
        self.why = why
        self.remedy = remedy
        self.line = line

    @property
    def level(self) -> str:
        """error, warning or note."""
        return lint_rules.RULES[self.rule].level

    @property
    def docs(self) -> str:
        """Where the rule is explained."""
        return f"{DOCS}#{self.rule}"
