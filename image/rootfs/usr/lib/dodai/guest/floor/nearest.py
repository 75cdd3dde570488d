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
    """How many letters must be added, removed or changed (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (left != right))
    return row[-1]
