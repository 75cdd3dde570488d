"""Puts image/ into a wheel as dodai/_image, so that an installed package can build the image too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ImageHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        for path in sorted((root / "image").rglob("*")):
            if path.is_symlink():
                raise RuntimeError(f"{path} is a symbolic link, which a wheel cannot carry: make it in image/install")
            if path.is_file() and "__pycache__" not in path.parts:
                build_data["force_include"][str(path)] = f"dodai/_image/{path.relative_to(root / 'image')}"
