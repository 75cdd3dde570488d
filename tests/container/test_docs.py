"""Every `sh` block of the documentation runs: in the order of its page, in an empty directory (style rule 19).

A block whose info string has a second word is that file. Names are made this run's own, so that a user's `dodai:latest` is
neither used by mistake nor touched, and two runs at once do not meet.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pages
from tests.container import harness

DEADLINE = 180.0  # seconds for one block; building an image is the longest

RUNNABLE = [page for page in pages.every() if any(block.language == "sh" and not block.file for block in pages.blocks(page))]


class Reader:
    """Somebody who does what a page says, in a directory of their own."""

    def __init__(self, directory: Path, image: str, minimal: str) -> None:
        self.directory = directory
        self.own = f"{harness.REPOSITORY}-docs-{secrets.token_hex(2)}"
        self._names = {
            "dodai:latest": image,
            "dodai:minimal": minimal,
            "my-image": self.own,
            "my-demo": self.own,
            "dodai run --": f"dodai run --image {image} --",
        }
        # What README calls from the checkout, and `dodai` as an installation has it.
        (directory / "bin").symlink_to(pages.ROOT / "bin")
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "DOCKER_BUILDKIT": "0",  # Docker's client from 20.10 to 28 builds so without a plug-in
        }

    def read(self, text: str) -> str:
        """The text of a block with the names of this run."""
        return re.sub("|".join(map(re.escape, self._names)), lambda match: self._names[match[0]], text)

    def write(self, block: pages.Block) -> None:
        """Make the file that a block is."""
        path = self.directory / block.file
        path.write_text(self.read(block.text), encoding="utf-8")
        path.chmod(0o755 if block.text.startswith("#!") else 0o644)

    def do(self, page: Path, block: pages.Block) -> None:
        """Run a block."""
        script = self.read(block.text)
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        where = f"{page.relative_to(pages.ROOT)}:{block.line}"
        assert done.returncode == 0, f"{where}: exit code {done.returncode}\n{script}\n{done.stdout[-harness.LOG_BYTES :]}"


@pytest.fixture
def reader(tmp_path: Path, engine: harness.Engine, image: str, minimal: str) -> Iterator[Reader]:
    """A reader, whose containers and images are gone at the end whatever the page says."""
    reader = Reader(tmp_path, image, minimal)
    try:
        yield reader
    finally:
        left = engine.call("ps", "--all", "--quiet", "--filter", f"name={reader.own}").out.split()
        if left:
            engine.call("rm", "--force", "--volumes", *left)
        if engine.image_id(reader.own):
            engine.call("image", "rm", "--force", reader.own)


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_page_does_what_it_says(page: Path, reader: Reader) -> None:
    for block in pages.blocks(page):
        if block.file:
            reader.write(block)
        elif block.language == "sh":
            reader.do(page, block)
