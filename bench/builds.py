"""`python -m bench.builds`: how long builds take and what images weigh, beside Debian's minbase and images of the engine.

All builds are those of a copy of the checkout with a cache of its own, so that neither is touched. A "cold" build downloads
every package; a "warm" one finds the root with its packages kept; "a change" is a warm one after a line was added to a file
of rootfs/.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import stats
from dodai import engine, entry, errors, output, process
from dodai.features import provision
from dodai.features.size import budgets, contents, measure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MIRROR = "http://deb.debian.org/debian"
SUITE = "trixie"
MINBASE = f"{SUITE} minbase"
VARIANTS = ("default", "minimal")
CHANGED = "image/rootfs/usr/sbin/install_clean"
COLD, WARM, CHANGE = "cold", "warm", "after a change in rootfs/"
GOALS = {COLD: 60.0, CHANGE: 5.0}  # seconds, for the default variant
PROGRAMS = {"mmdebstrap": "mmdebstrap", "zstd": "zstd"}

Times = dict[str, list[float]]
Sizes = dict[str, dict[str, int]]


class Site:
    """A copy of the checkout in `scratch`, and builds in it."""

    def __init__(self, scratch: Path) -> None:
        self._checkout, self._cache, self._layouts = (scratch / name for name in ("checkout", "cache", "layouts"))
        for name in ("src", "image"):
            shutil.copytree(ROOT / name, self._checkout / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        self._layouts.mkdir()

    def build(self, variant: str, compression: str = "gzip") -> tuple[float, Path]:
        """Build into a new layout, outside of the engine; the seconds and the layout."""
        layout = Path(tempfile.mkdtemp(dir=self._layouts)) / "layout"
        what = [f"--variant={variant}", f"--suite={SUITE}", f"--compression={compression}"]
        env = {"XDG_CACHE_HOME": str(self._cache), "PYTHONPATH": str(self._checkout / "src")}
        return _timed(
            [sys.executable, "-m", "dodai", "build", "--no-load", *what, "-o", layout], f"build {variant}", env
        ), layout

    def forget(self) -> None:
        """No package is kept."""
        shutil.rmtree(self._cache, ignore_errors=True)

    def change(self) -> None:
        """Add a line to a file of rootfs/."""
        with (self._checkout / CHANGED).open("a", encoding="utf-8") as file:
            file.write("# changed\n")


def main(arguments: list[str]) -> int:
    """Everything from the command line to the files in the results directory; the exit code."""
    options = _parser().parse_args(arguments)
    if options.runs < 1:
        raise errors.UsageError("cannot measure: --runs must be positive", hint="--runs 3")
    provision.packages(PROGRAMS, purpose="measure builds")
    # Not in /tmp, which may be memory: then it would be faster than where people build.
    with tempfile.TemporaryDirectory(prefix="dodai-builds-", dir="/var/tmp") as scratch:
        site = Site(Path(scratch))
        times = _times(site, Path(scratch), options.runs)
        sizes = _sizes(site, Path(scratch), options.against)
    options.results.mkdir(parents=True, exist_ok=True)
    text = markdown(times, sizes, options.runs)
    (options.results / "builds.md").write_text(text, encoding="utf-8")
    document = json.dumps({"seconds": times, "bytes": sizes}, indent=2) + "\n"
    (options.results / "builds.json").write_text(document, encoding="utf-8")
    sys.stdout.write(text)
    return errors.OK


def _times(site: Site, scratch: Path, runs: int) -> dict[str, Times]:
    """Seconds by what is built and how, the kinds taking turns."""
    found: dict[str, Times] = {MINBASE: {COLD: []}, **{variant: {COLD: [], WARM: [], CHANGE: []} for variant in VARIANTS}}
    for run in range(1, runs + 1):
        with output.progress(f"run {run} of {runs}") as shown:
            shown.update(MINBASE)
            found[MINBASE][COLD].append(_minbase(scratch / "minbase.tar"))
            for variant in VARIANTS:
                for kind, begin in ((COLD, site.forget), (WARM, _nothing), (CHANGE, site.change)):
                    shown.update(f"{variant}, {kind}")
                    begin()
                    seconds, layout = site.build(variant)
                    found[variant][kind].append(seconds)
                    shutil.rmtree(layout.parent)
    return found


def _sizes(site: Site, scratch: Path, against: Sequence[str]) -> Sizes:
    """Bytes by image and measure: unpacked, packed by gzip -6 and zstd -19, and of our layers as they are pulled."""
    found = {MINBASE: _weigh(scratch / "minbase.tar")}
    for variant in VARIANTS:
        layers = {word: _layer(site.build(variant, word)[1]) for word in ("none", "gzip", "zstd")}
        tar = scratch / f"{variant}.tar"
        layers["none"].rename(tar)
        pulled = {f"pulled as {word}": layers[word].stat().st_size for word in ("gzip", "zstd")}
        found[variant] = _weigh(tar) | pulled
    for image in against:
        with measure.exported(engine.find(), image) as tar:
            found[image] = _weigh(tar)
    return found


def _weigh(tar: Path) -> dict[str, int]:
    with output.progress(f"packing {tar.stem}"):
        return {"unpacked": contents.read(tar).total} | {word: budgets.packed(tar, word) for word in ("gzip", "zstd")}


def _layer(layout: Path) -> Path:
    """The one layer of a layout's image: its largest blob."""
    return max((layout / "blobs" / "sha256").iterdir(), key=lambda blob: blob.stat().st_size)


def _minbase(target: Path) -> float:
    target.unlink(missing_ok=True)
    return _timed(["mmdebstrap", "--quiet", "--variant=minbase", SUITE, target, MIRROR], "build minbase")


def _timed(argv: Sequence[str | os.PathLike[str]], doing: str, env: dict[str, str] | None = None) -> float:
    started = time.monotonic()
    process.run(argv, doing=doing, env=env)
    return time.monotonic() - started


def _nothing() -> None:
    pass


def markdown(times: dict[str, Times], sizes: Sizes, runs: int) -> str:
    """Two tables: the medians with ranges against the goals, and the sizes with the ratio to the default variant."""
    lines = [f"Medians of {runs} runs, the kinds taking turns; least and most behind. Seconds.", ""]
    lines += ["| build | | median | | goal |", "|---|---|---|---|---|"]
    for name, kinds in times.items():
        for kind, seconds in kinds.items():
            made = stats.summary(seconds)
            if made is not None:
                goal = GOALS.get(kind) if name == VARIANTS[0] else None
                verdict = "" if goal is None else f"{goal:g}, {'reached' if made.median <= goal else '**missed**'}"
                spread = f"{stats.short(made.least)}–{stats.short(made.most)}"
                lines.append(f"| {name} | {kind} | {stats.short(made.median)} | {spread} | {verdict} |")
    measures = list(dict.fromkeys(word for found in sizes.values() for word in found))
    titles = {"gzip": "gzip -6", "zstd": "zstd -19"}
    lines += ["", "Megabytes (10^6 bytes), and how many times the default variant's.", ""]
    lines += [f"| image | {' | '.join(titles.get(word, word) for word in measures)} |", f"|---|{'---|' * len(measures)}"]
    ours = sizes[VARIANTS[0]]
    for name, found in sizes.items():
        cells = [f"{found[word] / 1e6:.1f} ({found[word] / ours[word]:.2f} ×)" if word in found else "–" for word in measures]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.builds", description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=3, help="how often each is built (%(default)s)")
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="IMAGE",
        help="weigh an image of the engine, too; may come more than once",
    )
    parser.add_argument("--results", type=Path, default=HERE / "results", help="where the files go (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(entry.script(main))
