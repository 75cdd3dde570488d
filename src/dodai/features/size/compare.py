"""One image over another: Debian's base, what the smaller image adds to it, what the larger adds to that."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from dodai.features.size import contents

BASE = "Debian's base"


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """What one image adds to those before it: bytes by package and by folder. The first part is Debian's base."""

    name: str
    packages: Mapping[str, int]
    folders: Mapping[str, int]

    @property
    def total(self) -> int:
        """Bytes of all of it; by folder, where nothing can be left out."""
        return sum(self.folders.values())


def parts(images: Sequence[tuple[str, contents.Contents]]) -> list[Part]:
    """Split images, the smallest first, into what each adds. Each name stands for what it has and the one before has not."""
    _, first = images[0]
    base = first.base()
    seen_packages = {name: size for name, size in first.by_package().items() if name in base}
    seen_folders = _only(first, base).by_folder()
    found = [Part(BASE, _sorted(seen_packages), _sorted(seen_folders))]
    for name, image in images:
        packages, folders = image.by_package(), image.by_folder()
        found.append(Part(name, _sorted(_added(packages, seen_packages)), _sorted(_added(folders, seen_folders))))
        seen_packages, seen_folders = packages, folders
    return found


def _only(image: contents.Contents, packages: frozenset[str]) -> contents.Contents:
    files = {path: size for path, size in image.files.items() if image.owners.get(path) in packages}
    return contents.Contents(files, image.owners, image.packages)


def _added(now: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """What grew or is new; also what shrank, below zero, so that the sums stay true."""
    changes = {name: now.get(name, 0) - before.get(name, 0) for name in {*now, *before}}
    return {name: change for name, change in changes.items() if change}


def _sorted(sizes: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))
