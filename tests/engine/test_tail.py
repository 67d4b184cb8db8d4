"""The tail: which rows a room surely holds when they come in any order."""

from __future__ import annotations

import random
from itertools import pairwise

from collab.engine.tail import Tail


def test_tail_moves_with_rows_in_order() -> None:
    """Rows in order leave nothing behind."""
    tail = Tail(3)
    tail.hold(4, 6)
    assert (tail.seq, tail.behind) == (6, False)


def test_tail_is_behind_until_the_gap_is_closed() -> None:
    """A range beyond a gap is remembered, not counted."""
    tail = Tail(0)
    tail.hold(3, 4)
    assert (tail.seq, tail.behind) == (0, True)
    tail.hold(1, 2)
    assert (tail.seq, tail.behind) == (4, False)


def test_tail_is_behind_what_it_heard_of() -> None:
    """A head that is further than what is held means that rows are missing."""
    tail = Tail(2)
    tail.expect(2)
    assert not tail.behind
    tail.expect(5)
    assert tail.behind


def test_tail_ends_at_the_head_however_ranges_come() -> None:
    """Shuffled, doubled and overlapping ranges that cover everything leave no gap."""
    chance = random.Random(7)
    for _ in range(300):
        cuts = sorted({0, 40, *(chance.randrange(40) for _ in range(8))})
        ranges = [(a + 1, b) for a, b in pairwise(cuts)]
        ranges += [(a, min(40, b + chance.randrange(5))) for a, b in ranges]
        chance.shuffle(ranges)
        tail = Tail(0)
        held: set[int] = set()
        for first, last in ranges:
            tail.hold(first, last)
            held |= set(range(first, last + 1))
            assert set(range(1, tail.seq + 1)) <= held
        assert (tail.seq, tail.behind) == (40, False)
