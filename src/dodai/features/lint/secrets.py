"""Whether a variable looks like a secret. Values are never repeated."""

from __future__ import annotations

import re

from dodai.features.lint import finding

_NAME = re.compile(
    r"(^|_)(PASS(WORD|WD|PHRASE)?|PWD|SECRETS?|TOKEN|CREDENTIALS?|(API|ACCESS|PRIVATE|SECRET|AUTH|SIGNING|ENCRYPTION)_?KEY)(_|$)"
)
# Where a secret is, or what it is for, is none.
_HARMLESS = re.compile(r"_(FILE|PATH|DIR|NAME|URL|TTL|TIMEOUT|LENGTH|EXPIRY|ENDPOINT|REQUIRED|ENABLED)$|^(OLD)?PWD$")
_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"  # AWS
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}|\bglpat-[A-Za-z0-9_-]{20,}|\bxox[abpr]-[A-Za-z0-9-]{10,}"  # GitHub, GitLab, Slack
    r"|://[^/\s:@]+:[^/\s:@]+@"  # a password in a URL
)
REMEDY = "give it when the container is started: -e, --env-file, or a mounted file that *_FILE names; and change the secret"


def check(variables: list[tuple[str, str]], path: str, line: int | None = None) -> list[finding.Finding]:
    """A finding for each NAME, VALUE that looks like a secret."""
    return [
        finding.make("secret-in-env", path, f"{name} {why}", REMEDY, line)
        for name, value in variables
        if (why := _why(name, value))
    ]


def _why(name: str, value: str) -> str:
    if not value or value.startswith("$"):
        return ""
    if _VALUE.search(value):
        return "holds what looks like a key, or a password in a URL"
    upper = name.upper()
    if _NAME.search(upper) and not _HARMLESS.search(upper) and value.lower() not in ("true", "false", "yes", "no", "0", "1"):
        return "is named like a secret and has a value"
    return ""
