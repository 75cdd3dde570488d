"""Single files out of a root that was packed."""

from __future__ import annotations

import tarfile
from pathlib import Path

from dodai import errors


def read(tar: Path, name: str) -> bytes:
    """Return the bytes of the file `name` ("./etc/…"). Raises errors.BuildFailed when it is not there."""
    try:
        with tarfile.open(tar, "r:") as archive:
            for member in archive:
                if member.name == name and (file := archive.extractfile(member)) is not None:
                    return file.read()
    except (OSError, tarfile.TarError) as error:
        raise errors.BuildFailed(f'cannot read "{tar}": {error}') from None
    raise errors.BuildFailed(f'cannot use the root that was made: it has no "{name}"')


def copyrights(tar: Path) -> dict[str, str]:
    """Return the copyright files of all packages in the root, by the packages' names."""
    found = {}
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            parts = member.name.split("/")
            if parts[:4] == [".", "usr", "share", "doc"] and parts[5:] == ["copyright"] and member.isreg():
                file = archive.extractfile(member)
                found[parts[4]] = file.read().decode("utf-8", "replace") if file is not None else ""
    return found
