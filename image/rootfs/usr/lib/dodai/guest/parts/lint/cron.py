"""Crontabs and scripts that cron will not run."""

from guest.parts import crontabs
from guest.parts.lint import finding, tree


def check(where: tree.Tree) -> list[finding.Finding]:
    """As the cron service names them at boot."""
    return [
        finding.Finding("ignored-crontab", one.path, one.why, one.remedy) for one in crontabs.check(where.root, where.whole)
    ]
