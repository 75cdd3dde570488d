"""Two layouts that should be the same: what differs, by the names of files and packages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

from dodai.features.verify import contents, layout

_WORDS = {"kind": "type", "owner": "owner", "mode": "mode", "time": "time", "link": "target", "sum": "contents"}


def layouts(one: Path, other: Path) -> list[str]:
    """Return a line for each difference; none when both hold the same images, byte for byte."""
    lines: list[str] = []
    found = [layout.Layout(one), layout.Layout(other)]
    images = [{image.platform: image for image in each.images()} for each in found]
    lines += [finding for each in found for finding in each.findings]
    for platform in sorted(images[0].keys() | images[1].keys()):
        pair = [images[0].get(platform), images[1].get(platform)]
        if pair[0] is None or pair[1] is None:
            lines.append(f"only one of them has an image for {platform}")
        elif pair[0].digest != pair[1].digest:
            lines += _images(found, pair[0], pair[1])
        elif {(doc.media_type, doc.data) for doc in pair[0].documents} != {(d.media_type, d.data) for d in pair[1].documents}:
            lines.append(f"what is said about the image for {platform} differs")
    return lines


def _images(found: list[layout.Layout], one: layout.Image, other: layout.Image) -> list[str]:
    lines = [f"image {one.platform}: {one.digest} and {other.digest}"]
    flat = [dict(_flat(one.config)), dict(_flat(other.config))]
    for key in sorted({*flat[0], *flat[1]}):
        if flat[0].get(key) != flat[1].get(key) and not key.startswith("rootfs"):
            lines.append(f"configuration: {key}: {flat[0].get(key, 'nothing')} and {flat[1].get(key, 'nothing')}")
    trees = [contents.read(found[0], one), contents.read(found[1], other)]
    if trees[0] is None or trees[1] is None:
        return lines + [finding for each in found for finding in each.findings]
    lines += trees_lines(trees[0], trees[1])
    if len(lines) == 1:
        lines.append("the same files, packed otherwise")
    return lines


def trees_lines(one: contents.Contents, other: contents.Contents) -> list[str]:
    """Return a line for each file that differs, and how."""
    lines = []
    for name in sorted(one.entries.keys() | other.entries.keys()):
        before, after = one.entries.get(name), other.entries.get(name)
        if before is None or after is None:
            lines.append(f'file "/{name}" is only in the {"first" if after is None else "second"}')
        elif before != after:
            fields = [
                field.name for field in dataclasses.fields(before) if getattr(before, field.name) != getattr(after, field.name)
            ]
            lines.append(f'file "/{name}" differs in {", ".join(_WORDS[field] for field in fields)}')
    return lines


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each single value of a configuration under the keys that lead to it."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(one, f"{name} {key}".strip())
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _flat(one, f"{name} {number}")
    else:
        yield name, str(value)
