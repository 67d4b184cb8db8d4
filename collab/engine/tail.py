"""Where a room stands in its log: which rows its replica surely holds, and which it must fetch."""

from __future__ import annotations


class Tail:
    """The seq up to which every row is integrated, and the ranges known beyond it.

    Rows may be heard of out of order: an own commit returns after the relay has told of a later
    one. A range beyond a gap is remembered, and absorbed when the gap closes.

    Args:
        seq: The last row that was loaded.
    """

    __slots__ = ("_beyond", "expected", "seq")

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.expected = seq
        self._beyond: dict[int, int] = {}

    @property
    def behind(self) -> bool:
        """Whether rows are known to exist that the replica does not surely hold."""
        return self.expected > self.seq

    def hold(self, first: int, last: int) -> None:
        """Note that rows `first` to `last` are integrated."""
        self.expect(last)
        if last <= self.seq:
            return
        if first > self.seq + 1:
            self._beyond[first] = max(last, self._beyond.get(first, 0))
            return
        self.seq = last
        for start in sorted(self._beyond):
            if start > self.seq + 1:
                break
            self.seq = max(self.seq, self._beyond.pop(start))

    def expect(self, seq: int) -> None:
        """Note that rows up to `seq` exist."""
        if seq > self.expected:
            self.expected = seq
