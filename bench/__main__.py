"""`python -m bench`: measure, and write a table, the numbers and a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import peers, picture, roots, rows, run, table
from dodai import entry, errors, output

HERE = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Everything from the command line to the files in the results directory; the exit code."""
    options = _parser().parse_args(arguments)
    known = [*peers.BUILT_IN, *peers.read(options.peers)]
    if options.runs < 1 or options.idle_seconds <= 0:
        raise errors.UsageError("cannot measure: --runs and --idle-seconds must be positive", hint="--runs 15")
    chosen, wanted = run.choose(known, options.only)
    if options.list:
        _list(known)
        return errors.OK
    results = run.measure(roots.prepare(chosen), chosen, wanted, run.Settings(options.runs, options.idle_seconds))
    options.results.mkdir(parents=True, exist_ok=True)
    text = table.markdown(results)
    for name, content in (
        ("table.md", text),
        ("results.json", table.json_text(results)),
        ("plot.svg", picture.svg(results)),
    ):
        (options.results / name).write_text(content, encoding="utf-8")
    sys.stdout.write(text)
    for failure in results.failures:
        output.warn(failure)
    output.say(f"written: table.md, results.json and plot.svg in {options.results}")
    return errors.OK


def _list(known: list[peers.Peer]) -> None:
    print("rows:")
    for row in rows.ROWS:
        print(f"  {row.key:16} {row.title}" + (f" ({row.unit})" if row.unit else ""))
    print("peers:")
    for peer in known:
        print(f"  {peer.name:16} {' '.join(peer.init)}" + (f"  ({peer.note})" if peer.note else ""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=int, default=15, help="how often each peer is measured (%(default)s)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="ROW|PEER", help="only this one; may come more than once"
    )
    parser.add_argument("--peers", type=Path, default=HERE / "peers.toml", help="further peers (%(default)s)")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="where the files go (%(default)s)")
    parser.add_argument("--idle-seconds", type=float, default=60.0, help="how long idle containers are watched (%(default)g)")
    parser.add_argument("--list", action="store_true", help="say what can be measured, and end")
    return parser


if __name__ == "__main__":
    sys.exit(entry.script(main))
