"""Everything that can be said of an image, or of a directory."""

from __future__ import annotations

from pathlib import Path

from dodai import engine, errors
from dodai.features.lint import dockerfile, finding, guest, secrets

BASE_LABEL = "org.opencontainers.image.base.name"  # OCI image specification 1.1, annotations.md


def image(found: engine.Engine, name: str) -> list[finding.Finding]:
    """Findings in an image: what it sets, what it is built on, and what it holds. Raises ImageMissing, UsageError."""
    details = found.inspect_image(name)
    if details is None:
        hint = f"{found.kind} pull {name}, or give the path of a directory"
        raise errors.ImageMissing(f'cannot check "{name}": {found.kind} has no such image', hint=hint)
    config = details.get("Config") or {}
    variables = [(key, value) for key, _, value in (entry.partition("=") for entry in config.get("Env") or [])]
    mine = secrets.check(variables, name)
    base = str((config.get("Labels") or {}).get(BASE_LABEL, ""))
    if base.endswith(":latest"):
        mine.append(finding.make("latest-base", name, f"it is built on {base}", "name a version, or a digest"))
    return ordered([*mine, *guest.in_image(found, name)])


def directory(path: Path) -> list[finding.Finding]:
    """Findings in a directory: its Dockerfiles, and what it holds for an image. Raises UsageError when it holds neither."""
    files = sorted(file for file in path.iterdir() if file.name.startswith("Dockerfile") or file.suffix == ".Dockerfile")
    inside = guest.in_directory(path)
    if inside is None and not files:
        raise errors.UsageError(
            f'cannot check "{path}": it holds no Dockerfile, no etc/ and no service',
            hint="name a directory laid out like /, a service directory, or an image",
        )
    return ordered([one for file in files for one in dockerfile.check(file)] + (inside or []))


def ordered(found: list[finding.Finding]) -> list[finding.Finding]:
    """The gravest first."""
    return sorted(found, key=lambda one: (finding.LEVELS.index(one.level), one.path, one.line or 0))
