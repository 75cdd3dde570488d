"""The pages tell the truth that can be checked without a container: links, generated parts, options, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dodai import errors
from guest.floor import codes

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "README.md":
            assert f"({page.relative_to(ROOT / 'docs')})" in index


def test_what_comes_from_the_code_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nremedy: python scripts/reference.py"


def test_the_exit_codes_have_their_rows() -> None:
    page = (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    for code in (codes.USAGE, codes.INTERNAL, codes.CANNOT_EXECUTE, codes.NOT_FOUND):
        assert re.search(rf"\b{code}\b", page)
    for code in (errors.ContainerNotFound.exit_code, errors.BuildFailed.exit_code, errors.EngineMissing.exit_code):
        assert re.search(rf"\b{code}\b", page)
