"""Puts image/ into a wheel as dodai/_image.tar, so that an installed package can build the image too.

A tar, because a wheel keeps neither symbolic links nor modes, and the tree in image/ has both for a reason. An editable
installation reads the checkout and gets none.
"""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ImageHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        target = Path(self.directory) / "image.tar"
        target.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
            archive.add(Path(self.root) / "image", "image", filter=_plain)
        build_data["force_include"][str(target)] = "dodai/_image.tar"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - the hook's form
        (Path(self.directory) / "image.tar").unlink(missing_ok=True)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Nothing of the machine that builds: no owner, no times, no bytecode."""
    if "__pycache__" in entry.name.split("/"):
        return None
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
