"""One push, from layouts or from an engine's image to every tag."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dodai import engine, errors, output, process
from dodai.features import provision
from dodai.features.push import layouts, registry, repack, tags


@dataclasses.dataclass(frozen=True, slots=True)
class Pushed:
    """What was pushed: the index's digest, its platforms, its tags, the fixed one first."""

    digest: str
    platforms: tuple[str, ...]
    tags: tuple[str, ...]


def workspace() -> tempfile.TemporaryDirectory[str]:
    """A directory for copies of images, which is gone at the end of its `with`."""
    parent = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 - mkdtemp makes the name
    return tempfile.TemporaryDirectory(prefix="dodai-push-", dir=parent)


def from_engine(source: engine.Engine, image: str, target: Path) -> Path:
    """Write an engine's image as a layout at `target`."""
    if not source.image_exists(image):
        raise errors.ImageMissing(
            f'cannot push "{image}": {source.kind} has no such image', hint="dodai build, or --from DIR for a layout"
        )
    saved = target.with_suffix(".tar")
    with output.progress(f"taking {image} out of {source.kind}"):
        words = ["--format=docker-archive"] if source.kind == engine.PODMAN else []
        source.call("save", *words, "--output", str(saved), image, doing=f'save "{image}"')
        argv = ["skopeo", "copy", "--quiet", f"docker-archive:{saved}", f"oci:{target}:image"]
        process.run(argv, doing=f'turn "{image}" into a layout')
        saved.unlink()
    return target


def push(images: Sequence[layouts.Image], into: registry.Registry, work: Path, *, compression: str | None) -> Pushed:
    """Join the images and push them under all their tags. `work` is a directory of ours.

    The fixed tag is first: when it is there already with other contents, nothing is pushed at all.
    """
    layouts.one_of_each(images)
    names = tags.rule(images[0].labels, images[0].config["created"])
    if compression is not None:
        if "zstd" in compression or any("zstd" in one["mediaType"] for image in images for one in image.manifest["layers"]):
            provision.packages({"zstd": "zstd"}, purpose="compress the layers")
        with output.progress(f"compressing the layers with {compression}"):
            images = [repack.repack(image, work / f"repacked-{at}", compression=compression) for at, image in enumerate(images)]
    digests = {}
    for tag in (names.fixed, *names.moving):
        digests[tag] = layouts.join(images, work / f"tag-{tag}", tag=tag)
    digest = digests[names.fixed]
    there = into.digest(names.fixed)
    if there not in (None, digest):
        raise errors.RegistryRefused(
            f'cannot push "{into.name}:{names.fixed}": it is there as {there}, and a dated tag stays what it is',
            hint="build from a newer archive, which gives another date",
        )
    for tag in (names.fixed, *names.moving):
        if tag == names.fixed and there == digest:
            output.say(f"{into.name}:{tag} is there already, with the same contents")
            continue
        _copy(into, work / f"tag-{tag}", tag)
    return Pushed(digest, tuple(sorted(image.platform for image in images)), (names.fixed, *names.moving))


def _copy(into: registry.Registry, layout: Path, tag: str) -> None:
    with output.progress(f"pushing {into.name}:{tag}") as shown:
        into.copy(layout, tag, on_line=registry.say_progress(shown, "copied"))
