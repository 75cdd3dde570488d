"""How verbs show things to people: columns, times."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def text(rows: "Sequence[Sequence[str]]") -> str:
    """Rows as aligned columns, two spaces apart, without spaces at the end of a line."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "".join(line.rstrip() + "\n" for line in lines)


def duration(seconds: float) -> str:
    """Two units at most: 12s, 3m 5s, 2h 10m, 4d 1h."""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    if minutes:
        return f"{minutes}m {whole % 60}s"
    return f"{whole}s"
