"""Runs tests/process in the minimal image for another architecture, by emulation: `make test-arm64`, as root; slow.

    scripts/emulated.py ARCHITECTURE [ARG…]    ARGs go to pytest

The tests are those of `make test`, without what emulation changes: tests/process/conftest.py has them, with the reasons.
"""

from __future__ import annotations

import json
import os
import sys
import tarfile
import tempfile
from pathlib import Path

from dodai import entry, errors, output, process

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Build, unpack, test; return the exit code."""
    os.chdir(ROOT)
    if not arguments:
        raise errors.UsageError(
            "cannot tell for which architecture to test", hint="scripts/emulated.py arm64 [PYTEST ARGUMENT]…"
        )
    if os.geteuid() != 0:
        raise errors.UsageError(
            "cannot test by emulation: this needs root, for namespaces and devices", hint="sudo make test-arm64"
        )
    architecture, *words = arguments
    with tempfile.TemporaryDirectory(prefix="dodai-emulated-", dir="/var/tmp") as scratch:
        layout, root = Path(scratch, "layout"), Path(scratch, "root")
        argv = ["build", "--arch", architecture, "--variant=minimal", "--compression=none", "--no-load", "-o", str(layout)]
        process.run([sys.executable, "-m", "dodai", *argv], doing=f"build for {architecture}", capture=False)
        with tarfile.open(layer(layout)) as packed:
            packed.extractall(root, filter="tar")
        output.say(f"running the process tests as {architecture}")
        tests = [sys.executable, "-m", "pytest", "-m", "", "--durations=10", *(words or ["tests/process"])]
        return process.attached(tests, doing="run the tests", env={"DODAI_TEST_ROOT": str(root)}).code


def layer(layout: Path) -> Path:
    """The one layer of a layout's image."""
    blobs = layout / "blobs"
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads((blobs / index["manifests"][0]["digest"].replace(":", "/")).read_bytes())
    (described,) = manifest["layers"]
    return blobs / str(described["digest"]).replace(":", "/")


if __name__ == "__main__":
    sys.exit(entry.script(main))
