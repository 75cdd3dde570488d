"""Where things are: the image's sources, what we keep between calls, what guest and host both name."""

from __future__ import annotations

import os
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

    Raises ImageSourceMissing when neither is there.
    """
    here = Path(__file__).resolve().parent
    for candidate in (here.parent.parent / "image", here / "_image"):
        if (candidate / "rootfs").is_dir():
            return candidate
    raise errors.ImageSourceMissing(
        f'cannot find the sources of the image: neither "{here.parent.parent / "image"}" nor "{here / "_image"}" has them',
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
