"""The word that somebody probably meant."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, choices: "Iterable[str]") -> str | None:
    """The choice fewest edits away from word, when that is less than half of word; otherwise None."""
    best, limit = None, (len(word) + 1) // 2
    for choice in sorted(choices):
        edits = _distance(word, choice)
        if edits < limit or (edits == limit == 1):
            best, limit = choice, edits
    return best


def _distance(one: str, other: str) -> int:
    """How many letters must be added, removed, changed or swapped with their neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, above, row = row, before, [i, *row[1:]]
        for j, right in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                row[j] = min(row[j], above[j - 2] + 1)
    return row[-1]
