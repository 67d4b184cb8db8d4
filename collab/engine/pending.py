"""Updates that build on ones which a replica does not have yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pycrdt

from collab.engine.firewall import Contents, Limits, check_update

# Past this many they are merged into one, which becomes ready with the last of them.
_MAX_UPDATES = 64


class Held(NamedTuple):
    """An update, and what the firewall found in it."""

    update: bytes
    contents: Contents


class Pending:
    """Updates that are not given to the CRDT before it can take all of them.

    yrs would hold them back itself, but it forgets some: of updates that came in random order, 5 in
    100 sets of a dozen were never integrated, though all had arrived. It also counts what lies
    beyond a gap in its state vector, so that nobody would send it what fills the gap (pycrdt
    0.14.13).

    Args:
        limits: What the firewall allows the merged ones.
    """

    __slots__ = ("_held", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: list[Held] = []

    def __bool__(self) -> bool:
        return bool(self._held)

    def __contains__(self, update: object) -> bool:
        return any(held.update == update for held in self._held)

    def add(self, held: Held) -> None:
        """Keep an update."""
        self._held.append(held)
        if len(self._held) > _MAX_UPDATES:
            self._held = [self._merged(self._held)]

    def take_ready(self, known: Mapping[int, int]) -> Held | None:
        """Take out what needs nothing beyond these clocks: one, or several that need each other."""
        for held in self._held:
            if held.contents.integrates_onto(known):
                self._held.remove(held)
                return held
        several = self._complete(known)
        if len(several) < 2:
            return None
        merged = self._merged(several)
        # The clocks above do not tell where a gap begins; those of the merged update do.
        if not merged.contents.integrates_onto(known):
            return None
        self._held = [held for held in self._held if held not in several]
        return merged

    def _complete(self, known: Mapping[int, int]) -> list[Held]:
        """Find those that need nothing beyond these clocks and each other, gaps aside."""
        complete = self._held
        while complete:
            reach = _reach(known, complete)
            rest = [held for held in complete if held.contents.integrates_onto(reach)]
            if len(rest) == len(complete):
                break
            complete = rest
        return complete

    def _merged(self, several: list[Held]) -> Held:
        if len(several) == 1:
            return several[0]
        merged = pycrdt.merge_updates(*(held.update for held in several))
        return Held(merged, check_update(merged, self._limits))


def _reach(known: Mapping[int, int], several: list[Held]) -> dict[int, int]:
    """Tell how far each client's clocks would go if all of these were integrated."""
    reach = dict(known)
    spans = sorted(
        (start, end, client)
        for held in several
        for client, (start, end) in held.contents.adds.items()
    )
    for start, end, client in spans:
        if start <= reach.get(client, 0) < end:
            reach[client] = end
    return reach
