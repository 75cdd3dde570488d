"""`dodai size`: what images weigh, by package and by folder, as a table and as a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dodai import engine, errors, output, paths
from dodai.features import images as ours
from dodai.features import provision
from dodai.features.build import names, packages
from dodai.features.size import budgets, compare, contents, measure, page, table, treemap

HELP = """Print what images weigh unpacked, by package and by folder.

The first column is Debian's base; each other one is what an image adds to those on its left. Without IMAGE: dodai:minimal and
dodai:latest, built when missing. Name an image of yours after the one that it is made from to see what it adds.

Examples:

\b
  dodai size
  dodai size dodai:latest my-image --html sizes.html
"""


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("size", help=HELP, short_help="Show what images weigh, by package and by folder.")(size)


def size(
    images: Annotated[list[str] | None, typer.Argument(metavar="[IMAGE]...", show_default=False)] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw a treemap there.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with treemap and tables there.")] = None,
    budget: Annotated[
        bool, typer.Option("--budget", help="Check images of ours against image/packages.toml; exit with 1 when one is passed.")
    ] = False,
    without_zstd: Annotated[
        bool, typer.Option("--without-zstd", help="With --budget: leave out zstd -19, which takes a minute an image.")
    ] = False,
) -> None:
    """Measure, compare, print."""
    for target in (svg, html):
        if target is not None and not target.absolute().parent.is_dir():
            raise errors.UsageError(f'cannot write "{target}": "{target.parent}" is not a directory', hint="create it first")
    source = provision.ready_engine()
    if not images:
        images = [f"{paths.REPOSITORY}:minimal", paths.DEFAULT_IMAGE]
        for image in images:
            ours.ensure(source, image)
    measures = [word for word in budgets.MEASURES if budget and not (without_zstd and word == "zstd")]
    found: list[tuple[str, contents.Contents]] = []
    findings: list[budgets.Finding] = []
    for image in images:
        with output.progress(f"measuring {image}"), measure.exported(source, image) as tar:
            inside = contents.read(tar)
            found.append((image, inside))
            if budget:
                findings += _findings(source, image, tar, inside.total, measures)
    parts = compare.parts(found)
    title = f"What {' and '.join(image for image, _ in found)} weigh{'s' if len(found) == 1 else ''}"
    if svg is not None:
        svg.write_text(treemap.svg(parts, title=title), encoding="utf-8")
    if html is not None:
        html.write_text(page.html(parts, title=title), encoding="utf-8")
    sys.stdout.write(table.text(parts))
    if findings:
        sys.stdout.write("\n" + "".join(f"{finding}\n" for finding in findings))
    if passed := [finding for finding in findings if not finding.ok]:
        raise errors.DodaiError(
            f"cannot accept {passed[0]}",
            hint="leave out what is not worth its bytes, or raise the budget in image/packages.toml and say why",
        )


def _findings(source: engine.Engine, image: str, tar: Path, unpacked: int, measures: list[str]) -> list[budgets.Finding]:
    """An image against its budget, which its labels name."""
    known = budgets.load(paths.image_dir() / packages.FILE)
    labels = ((source.inspect_image(image) or {}).get("Config") or {}).get("Labels") or {}
    name = f"{labels.get('dodai.suite')}-{labels.get('dodai.variant', names.DEFAULT_VARIANT)}"
    if name not in known:
        raise errors.UsageError(
            f'cannot check "{image}": image/packages.toml has no budget for it', hint=f"budgets: {', '.join(known)}"
        )
    if "zstd" in measures:
        provision.packages({"zstd": "zstd"}, purpose="measure with zstd")
    sizes = {word: unpacked if word == "unpacked" else budgets.packed(tar, word) for word in measures}
    return budgets.check(image, known[name], sizes)
