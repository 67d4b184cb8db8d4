"""What two sequences have in common, in bounded time.

Patience diff: items that occur once on either side are anchors, what lies between them is aligned
by the longest common subsequence. difflib, which would do, takes time in the cube of the length
for some inputs; here each comparison costs effort, and without effort left items count as changed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence

# A table of so many cells takes a tenth of a second.
_MAX_CELLS = 250_000
_EFFORT = 2_000_000
# Each takes time in its distance from the text's start.
_MAX_CHANGES = 2_000

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Pair = tuple[int, int]


class Effort:
    """How many comparisons one edit may still take."""

    def __init__(self, left: int = _EFFORT) -> None:
        self.left = left

    def take(self, count: int) -> bool:
        if count > self.left:
            return False
        self.left -= count
        return True


def common(a: Sequence[Hashable], b: Sequence[Hashable], effort: Effort) -> list[Pair]:
    """Return the pairs (index in a, index in b) of equal items that keep their order."""
    pairs: list[Pair] = []
    todo = [(0, len(a), 0, len(b))]
    while todo:
        start_a, end_a, start_b, end_b = todo.pop()
        while start_a < end_a and start_b < end_b and a[start_a] == b[start_b]:
            pairs.append((start_a, start_b))
            start_a, start_b = start_a + 1, start_b + 1
        while start_a < end_a and start_b < end_b and a[end_a - 1] == b[end_b - 1]:
            end_a, end_b = end_a - 1, end_b - 1
            pairs.append((end_a, end_b))
        rows, columns = end_a - start_a, end_b - start_b
        if not rows or not columns or not effort.take(rows + columns):
            continue
        anchors = _anchors(a, b, start_a, end_a, start_b, end_b)
        if anchors:
            for anchor_a, anchor_b in anchors:
                todo.append((start_a, anchor_a, start_b, anchor_b))
                start_a, start_b = anchor_a, anchor_b
            todo.append((start_a, end_a, start_b, end_b))
        else:
            pairs += (
                (start_a + i, start_b + j)
                for i, j in best(rows, columns, _equality(a, b, start_a, start_b), effort) or ()
            )
    return sorted(pairs)


def _equality(
    a: Sequence[Hashable], b: Sequence[Hashable], start_a: int, start_b: int
) -> Callable[[int, int], float]:
    return lambda i, j: float(a[start_a + i] == b[start_b + j])


def best(
    rows: int, columns: int, score: Callable[[int, int], float], effort: Effort, cost: int = 1
) -> list[Pair] | None:
    """Return the pairs in order with the highest sum of scores; None if that takes too much.

    Args:
        cost: How much effort a score takes.
    """
    cells = rows * columns * cost
    if cells > _MAX_CELLS or not effort.take(cells):
        return None
    worth = [[0.0] * (columns + 1)]
    for i in range(rows):
        above, line = worth[-1], [0.0]
        for j in range(columns):
            won = score(i, j)
            line.append(max(above[j + 1], line[j], above[j] + won if won else 0))
        worth.append(line)
    pairs: list[Pair] = []
    i, j = rows, columns
    while i and j:
        if worth[i][j] == worth[i - 1][j]:
            i -= 1
        elif worth[i][j] == worth[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _anchors(
    a: Sequence[Hashable], b: Sequence[Hashable], start_a: int, end_a: int, start_b: int, end_b: int
) -> list[Pair]:
    """Return the longest row of items that occur once in either range."""
    once_a = Counter(a[start_a:end_a])
    once_b = Counter(b[start_b:end_b])
    where = {item: at for at, item in enumerate(b[start_b:end_b], start_b) if once_b[item] == 1}
    # The longest increasing subsequence of the places in b, by patience sorting.
    ends: list[int] = []
    last: list[int] = []
    found: list[tuple[int, int, int]] = []  # (in a, in b, the one before)
    for at, item in enumerate(a[start_a:end_a], start_a):
        if once_a[item] == 1 and item in where:
            pile = bisect_left(ends, where[item])
            if pile == len(ends):
                ends.append(0)
                last.append(0)
            ends[pile] = where[item]
            last[pile] = len(found)
            found.append((at, where[item], last[pile - 1] if pile else -1))
    pairs: list[Pair] = []
    number = last[-1] if last else -1
    while number >= 0:
        in_a, in_b, number = found[number]
        pairs.append((in_a, in_b))
    return pairs[::-1]


# Text


def changes(old: str, new: str, effort: Effort) -> list[tuple[int, int, int, int]]:
    """Return what has to change: (start, end) in the old text and (start, end) in the new one.

    In order and in code points. Lines are compared first, then words, so that a changed word is
    changed as a whole but for what it has in common at its ends. Of a great many changes one is
    made, from the first to the last.
    """
    found = []
    for start, end, new_start, new_end in _gaps(_LINES, old, new, 0, 0, effort):
        words = _gaps(_WORDS, old[start:end], new[new_start:new_end], start, new_start, effort)
        found += [_narrowed(old, new, *gap) for gap in words]
    if len(found) > _MAX_CHANGES:
        (start, _, new_start, _), (_, end, _, new_end) = found[0], found[-1]
        return [(start, end, new_start, new_end)]
    return found


def _gaps(
    tokens: re.Pattern[str], old: str, new: str, at_old: int, at_new: int, effort: Effort
) -> Iterator[tuple[int, int, int, int]]:
    """Yield what lies between the tokens that both texts have."""
    a, b = tokens.findall(old), tokens.findall(new)
    starts_a, starts_b = _starts(a, at_old), _starts(b, at_new)
    i = j = 0
    for next_i, next_j in [*common(a, b, effort), (len(a), len(b))]:
        if next_i > i or next_j > j:
            yield starts_a[i], starts_a[next_i], starts_b[j], starts_b[next_j]
        i, j = next_i + 1, next_j + 1


def _starts(tokens: list[str], at: int) -> list[int]:
    starts = [at]
    for token in tokens:
        at += len(token)
        starts.append(at)
    return starts


def _narrowed(
    old: str, new: str, start: int, end: int, new_start: int, new_end: int
) -> tuple[int, int, int, int]:
    """Leave out what a change has in common at its ends."""
    while start < end and new_start < new_end and old[start] == new[new_start]:
        start, new_start = start + 1, new_start + 1
    while start < end and new_start < new_end and old[end - 1] == new[new_end - 1]:
        end, new_end = end - 1, new_end - 1
    return start, end, new_start, new_end
