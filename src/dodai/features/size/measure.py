"""An image of the engine as one tar, and what is in it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dodai import engine, errors

SECONDS = 300.0  # to export an image


@contextlib.contextmanager
def exported(source: engine.Engine, image: str) -> Iterator[Path]:
    """The whole root of a local image as a tar, which is gone at the end of the `with`.

    Raises errors.ImageMissing when the engine has no such image.
    """
    if not source.image_exists(image):
        raise errors.ImageMissing(
            f'cannot measure "{image}": {source.kind} has no such image', hint="dodai build, or name one of your own"
        )
    with tempfile.TemporaryDirectory(prefix="dodai-size-", dir=os.environ.get("TMPDIR") or "/var/tmp") as scratch:  # noqa: S108
        tar = Path(scratch, "root.tar")
        made = source.call("create", "--pull=never", image, "true", doing=f'look into "{image}"').stdout.split()[-1]
        try:
            source.call("export", "--output", str(tar), made, doing=f'look into "{image}"', timeout=SECONDS)
        finally:
            source.call("rm", "--force", made, doing="remove what was made to look into", check=False)
        yield tar
