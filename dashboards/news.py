"""What is known to be new in the store of numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class News:
    """Metrics that have new numbers, None for any, and the time (ms) of the oldest of these."""

    names: frozenset[str] | None
    from_ms: int

    def and_(self, other: News | None) -> News:
        """Return both together."""
        if other is None:
            return self
        names = None
        if self.names is not None and other.names is not None:
            names = self.names | other.names
        return News(names, min(self.from_ms, other.from_ms))


NO_NEWS = News(frozenset(), 2**62)
