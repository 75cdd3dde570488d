"""The pages tell the truth that can be checked without a container: links, generated parts, options, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dodai import errors
from guest.floor import codes
from tests import pages

EXIT_CODES = pages.ROOT / "docs/reference/exit-codes.md"


def section(heading: str) -> str:
    """The part of the page of exit codes below a heading."""
    return EXIT_CODES.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]


def last_column(text: str) -> set[int]:
    """The numbers in the last column of a table."""
    cells = re.findall(r"^\|.*\| ([^|]+) \|$", text, re.MULTILINE)
    return {int(number) for cell in cells for number in re.findall(r"\b\d+\b", cell)}


@pytest.mark.parametrize("page", pages.every(), ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in pages.links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in pages.anchors(target), link


def test_every_page_is_in_the_index() -> None:
    docs = pages.ROOT / "docs"
    missing = {str(page.relative_to(docs)) for page in docs.rglob("*.md")} - {"README.md", *pages.links(docs / "README.md")}
    assert not missing


def test_what_comes_from_the_code_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, pages.ROOT / "scripts/reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nremedy: .venv/bin/python scripts/reference.py"


def test_exit_codes_of_my_init_have_their_rows() -> None:
    wanted = {codes.OK, codes.USAGE, codes.INTERNAL, codes.CANNOT_EXECUTE, codes.NOT_FOUND, codes.SIGNAL_BASE}
    assert last_column(section("my_init")) == wanted | {codes.SIGNAL_BASE + 15, codes.SIGNAL_BASE + 2}


def test_exit_codes_of_the_tools_have_their_rows() -> None:
    wanted = {codes.FAILED, codes.USAGE, codes.CANNOT_EXECUTE, codes.NOT_FOUND}
    assert last_column(section("setuser, with_env")) == wanted
    assert last_column(section("dodaictl")) == {codes.OK, codes.FAILED, codes.USAGE}
    assert last_column(section("sendmail, cron's stand-in")) == {codes.OK, codes.UNAVAILABLE}


def test_exit_codes_of_the_host_have_their_rows() -> None:
    failures = [errors.DodaiError]
    for failure in failures:
        failures += failure.__subclasses__()
    wanted = {failure.exit_code for failure in failures} | {errors.INTERRUPTED}
    assert last_column(section("dodai and docker-bash")) == wanted
