"""The sizes as text: by package and by folder, in columns, one a part."""

from __future__ import annotations

from collections.abc import Sequence

from dodai.features.size import compare

SMALL = 50_000  # bytes: rows below go into one line at the end


def text(parts: Sequence[compare.Part]) -> str:
    """Both tables, in MB (10^6 bytes); what is below 0.05 MB in every column is one line of its own."""
    return "\n".join([*_by_package(parts), "", *_by_folder(parts)]) + "\n"


def mb(size: int) -> str:
    """Bytes in MB with two digits; nothing for nothing."""
    return f"{size / 1e6:.2f}" if size else ""


def _by_package(parts: Sequence[compare.Part]) -> list[str]:
    base, *added = parts
    rows = [(f"{compare.BASE} ({len(base.packages)} packages)", [base.total, *[0] * len(added)])]
    names = {name: max(part.packages.get(name, 0) for part in added) for part in added for name in part.packages}
    for name in sorted(names, key=lambda name: (-names[name], name)):
        rows.append((name, [0, *(part.packages.get(name, 0) for part in added)]))
    return _table("package", parts, rows)


def _by_folder(parts: Sequence[compare.Part]) -> list[str]:
    names = {name: sum(part.folders.get(name, 0) for part in parts) for part in parts for name in part.folders}
    rows = [
        (name, [part.folders.get(name, 0) for part in parts]) for name in sorted(names, key=lambda name: (-names[name], name))
    ]
    return _table("folder", parts, rows)


def _table(title: str, parts: Sequence[compare.Part], rows: list[tuple[str, list[int]]]) -> list[str]:
    heads = [part.name if part.name == compare.BASE else f"+ {part.name}" for part in parts]
    shown = [row for row in rows if max(map(abs, row[1])) >= SMALL]
    small = [row for row in rows if row not in shown]
    if small:
        shown.append((f"({len(small)} smaller)", [sum(sizes[at] for _, sizes in small) for at in range(len(parts))]))
    total = [part.total for part in parts]
    left = max(len(name) for name, _ in [*shown, (title, total), ("all of it, in MB", total)])
    widths = [max(len(head), 7) for head in heads]

    def line(name: str, cells: Sequence[str]) -> str:
        return f"{name:<{left}}" + "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))

    rule = "-" * (left + sum(width + 2 for width in widths))
    sums = [sum(total[: at + 1]) for at in range(len(parts))]
    return [
        line(title, heads).rstrip(),
        rule,
        *(line(name, [mb(size) for size in sizes]).rstrip() for name, sizes in shown),
        rule,
        line("together, in MB", [mb(size) for size in total]),
        line("all of it, in MB", [mb(size) for size in sums]),
    ]
