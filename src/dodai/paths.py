"""Where things are: the image's sources, what we keep between calls, what guest and host both name."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tarfile
import tempfile
from pathlib import Path

from dodai import errors

#: Default image, and the repository part of every name that `dodai build` gives.
REPOSITORY = "dodai"
DEFAULT_IMAGE = "dodai:latest"

#: In the image; the guest's own constants are compared with these by tests/unit/test_wall.py.
INIT = "/sbin/my_init"
WITH_ENV = "/usr/sbin/with_env"
STATE_DIR = "/run/dodai"
ENVIRONMENT_DIR = "/etc/container_environment"
SSHD = "/usr/sbin/sshd"


def image_dir() -> Path:
    """The directory with install, packages.toml and rootfs/: the checkout's, else the one packaged in the wheel.

    The latter is unpacked into `cache_dir` at the first use. Raises ImageSourceMissing when neither is there.
    """
    here = Path(__file__).resolve().parent
    checkout, packaged = here.parent.parent / "image", here / "_image.tar"
    if (checkout / "rootfs").is_dir():
        return checkout
    if packaged.is_file():
        return _unpacked(packaged)
    raise errors.ImageSourceMissing(
        f'cannot find the sources of the image: neither "{checkout}" nor "{packaged}" is there',
        hint="install Dodai again: this installation is not whole",
    )


def insecure_key() -> Path:
    """The private half of the project's well-known key pair. Wheels and git do not keep its mode: copy it before use."""
    return image_dir() / "rootfs" / "etc" / "insecure_key"


def cache_dir() -> Path:
    """Where we keep what can be made again: $XDG_CACHE_HOME/dodai, else ~/.cache/dodai. Made by those who write there."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / REPOSITORY


def _unpacked(packaged: Path) -> Path:
    """The tree of a packaged image, under the name of its contents, so that no version is taken for another."""
    digest = hashlib.sha256(packaged.read_bytes()).hexdigest()[:16]
    target = cache_dir() / f"image-{digest}"
    if not target.is_dir():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as scratch, tarfile.open(packaged) as archive:
                # Ours, with links to places that only exist in the image: the safer filters refuse those. Not as an
                # argument, which Debian 12's Python does not know.
                archive.extraction_filter = lambda member, _path: member
                archive.extractall(scratch)  # noqa: S202
                with contextlib.suppress(FileExistsError):
                    (Path(scratch) / "image").rename(target)
        except OSError as error:
            raise errors.ImageSourceMissing(
                f'cannot unpack the sources of the image into "{target}": {error.strerror or error}',
                hint="name a directory that can be written in XDG_CACHE_HOME",
            ) from None
    return target
