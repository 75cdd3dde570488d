"""Makes the overlay: the tree, the bytecode of each suite's Python, the tar, the image."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dodai import __version__, engine, errors, output, paths
from dodai.features.build import archive, bootstrap, layer, oci, packages, plan, release
from dodai.features.overlay import compiled, tree

NAMES = (f"{paths.REPOSITORY}:{__version__}-overlay", f"{paths.REPOSITORY}:overlay")


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """An overlay. `size` is the bytes of its files, `digest` the sha256:… of its tar."""

    size: int
    digest: str


def make(
    catalogue: packages.Catalogue,
    *,
    image: Path,
    into: engine.Engine | None,
    target: Path | None,
    names: Sequence[str] = NAMES,
) -> Made:
    """Make the overlay from the sources in `image`; load it `into` an engine under `names`, and put its tar at `target`.

    Raises errors.BuildFailed and its kinds, or errors.EngineError; temporary files are gone then, and `target` is untouched.
    """
    suites, left_out = compiled.usable(catalogue)
    mode = bootstrap.check(plan.make(plan.Request(variant="minimal"), catalogue))
    newest = max(release.date(source.uri, name) for suite in suites for source in suite.sources for name in source.suites)
    epoch = release.epoch(os.environ, newest)
    for title, why in left_out.items():
        output.say(f"without bytecode for {title}, where Python compiles at its first start: {why}")
    with _workspace() as directory:
        work = Path(directory)
        work.chmod(0o711)
        staged = work / "tree"
        staged.mkdir()
        tree.stage(image / "rootfs", staged)
        with output.progress("making the overlay") as shown:
            for suite in suites:
                shown.update(f"compiling for {suite.title}")
                compiled.add(suite, mode=mode, image=image, staged=staged, work=work, epoch=epoch, on_line=lambda _line: None)
        tar = work / "overlay.tar"
        tree.pack(staged, tar, epoch=epoch)
        content = _content(tar)
        if into is not None:
            packed = work / "image.tar"
            archive.write(packed, content, config(content.diff_id, epoch), names=names, epoch=epoch)
            into.load(packed)
        if target is not None:
            _publish(tar, target)
        return Made(content.files, content.diff_id)


def config(diff_id: str, epoch: int) -> bytes:
    """The image's configuration: nothing to run, since it is made to be copied from."""
    about = oci.Description(version=__version__, suite="", variant="overlay", without=(), architecture="amd64", epoch=epoch)
    labels = about.annotations | {
        "org.opencontainers.image.title": "Dodai overlay",
        "org.opencontainers.image.description": "my_init and its tools, to copy into an image that has Python and runit",
        "dodai.variant": "overlay",
    }
    document = {
        "architecture": "amd64",  # the files are for every architecture, and the format asks for one
        "os": "linux",
        "config": {"Cmd": list(oci.COMMAND), "Labels": labels},
        "created": about.created,
        "history": [{"created": about.created, "created_by": "dodai overlay", "comment": f"dodai {__version__}"}],
        "rootfs": {"diff_ids": [diff_id], "type": "layers"},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _content(tar: Path) -> layer.Content:
    """As layer.measure, which would put /dev in front: an overlay has no mounts."""
    data = tar.read_bytes()
    return layer.Content(
        tar=tar, prefix=b"", diff_id=f"sha256:{hashlib.sha256(data).hexdigest()}", files=layer.measure(tar, epoch=0).files
    )


def _publish(tar: Path, target: Path) -> None:
    try:
        with tempfile.NamedTemporaryFile(prefix=f".{target.name}.", dir=target.parent, delete=False) as new:
            new.write(tar.read_bytes())
        Path(new.name).chmod(0o644)
        Path(new.name).replace(target)
    except OSError as error:
        raise errors.BuildFailed(f'cannot write "{target}": {error.strerror}', hint="name another place") from None


def _workspace() -> tempfile.TemporaryDirectory[str]:
    parent = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 - mkdtemp makes the name
    try:
        return tempfile.TemporaryDirectory(prefix="dodai-overlay-", dir=parent, ignore_cleanup_errors=True)
    except OSError as error:
        raise errors.BuildFailed(
            f'cannot make a temporary directory in "{parent}": {error.strerror}', hint="name another in TMPDIR"
        ) from None
