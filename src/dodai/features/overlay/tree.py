"""Which files of image/rootfs the overlay has, and the layer that they make.

It has what needs nothing but python3-minimal and runit. It has no file that its base may have too: no apt or dpkg settings, no
policy-rc.d, no /etc/service (a link on Debian's runit). The environment's directory is made by my_init at the first boot.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

FILES = (
    "usr/bin/with_env",
    "usr/lib/dodai",
    "usr/sbin/dodaictl",
    "usr/sbin/install_clean",
    "usr/sbin/my_init",
    "usr/sbin/setuser",
    "usr/sbin/with_env",
)
DIRECTORIES = ("etc/my_init.d", "etc/my_init.pre_shutdown.d", "etc/my_init.post_shutdown.d")
GUEST = "usr/lib/dodai"


def stage(rootfs: Path, target: Path) -> None:
    """Copy the overlay's files from `rootfs` into the empty directory `target`, with the modes that they have in the image."""
    for name in FILES:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (rootfs / name).is_dir():
            shutil.copytree(rootfs / name, place, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".gitkeep"))
        else:
            shutil.copy2(rootfs / name, place, follow_symlinks=False)
    for name in DIRECTORIES:
        (target / name).mkdir(parents=True)
    for directory, _, files in os.walk(target):
        Path(directory).chmod(0o755)
        for name in files:
            path = Path(directory, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o111 else 0o644)


def pack(directory: Path, tar: Path, *, epoch: int) -> None:
    """Write the tree as a tar that depends on nothing but its files: sorted, owned by root, all times `epoch`."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = epoch
        return entry

    paths = sorted(directory.rglob("*"), key=lambda path: path.relative_to(directory).parts)
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in paths:
            archive.add(path, str(path.relative_to(directory)), recursive=False, filter=plain)
