"""The budgets of packages.toml: how much an image may weigh, and whether it does."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path

from dodai import errors, process

MEASURES = ("unpacked", "gzip", "zstd")
"""Bytes of all files; bytes of the root as one tar, by gzip -6 and by zstd -19."""

_PACKERS = {"gzip": ["gzip", "-6", "-n", "-c"], "zstd": ["zstd", "-q", "-19", "-T0", "-c"]}


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One measure of one image against its budget, in bytes."""

    image: str
    measure: str
    size: int
    budget: int

    @property
    def ok(self) -> bool:
        """Whether it is kept."""
        return self.size <= self.budget

    def __str__(self) -> str:
        left = (self.budget - self.size) / 1e6
        verdict = f"{left:.1f} MB left" if self.ok else f"{-left:.1f} MB too much"
        return f"{self.image}: {self.measure} {self.size / 1e6:.1f} MB of {self.budget / 1e6:.1f} MB, {verdict}"


def load(path: Path) -> dict[str, Mapping[str, int]]:
    """The budgets of packages.toml by "SUITE-VARIANT", in bytes. Raises errors.BuildFailed for one that is no number."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["budgets"]
    found: dict[str, Mapping[str, int]] = {}
    for name, table in tables.items():
        if set(table) != set(MEASURES) or not all(str(value).isdigit() for value in table.values()):
            raise errors.BuildFailed(
                f'cannot read "{path}": [budgets.{name}] is not as it should be',
                hint=f"it has {', '.join(MEASURES)}, each a number of bytes in quotes",
            )
        found[name] = {measure: int(table[measure]) for measure in MEASURES}
    return found


def packed(tar: Path, measure: str) -> int:
    """The bytes of `tar` when it is packed; needs room for that beside it."""
    target = tar.with_suffix(f".{measure}")
    try:
        with target.open("wb") as sink:
            process.stream([*_PACKERS[measure], str(tar)], doing="pack the image", on_line=lambda _line: None, stdout=sink)
        return target.stat().st_size
    finally:
        target.unlink(missing_ok=True)


def check(image: str, budget: Mapping[str, int], sizes: Mapping[str, int]) -> list[Finding]:
    """Compare the measures that were taken with the budget."""
    return [Finding(image, measure, size, budget[measure]) for measure, size in sizes.items()]
