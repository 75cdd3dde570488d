"""A small root as mmdebstrap packs one, made by hand."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

EPOCH = 1_700_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tar with a directory, two files of 3 and 2000 bytes, a hard link and a symbolic link."""
    path = tmp_path / "root.tar"
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("./", "./etc/"):
            archive.addfile(_entry(name, type=tarfile.DIRTYPE, mode=0o755))
        for name, data in (("./etc/hello", b"hi\n"), ("./etc/more", b"0123456789" * 200)):
            archive.addfile(_entry(name, size=len(data)), io.BytesIO(data))
        archive.addfile(_entry("./etc/same", type=tarfile.LNKTYPE, linkname="./etc/more"))
        archive.addfile(_entry("./etc/soft", type=tarfile.SYMTYPE, linkname="more"))
    return path


def _entry(name: str, **fields: object) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mtime = EPOCH
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry
