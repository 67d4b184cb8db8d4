"""One CRDT copy: apply, diff, encode. The only module that touches pycrdt for a room."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pycrdt

from collab.engine.errors import UpdateRejected
from collab.engine.firewall import Limits, check_state_vector, check_update

if TYPE_CHECKING:
    from collab.engine.firewall import Contents

EMPTY_UPDATE = b"\x00\x00"
EMPTY_STATE = b"\x00"
# What must end the process or the task, never be taken for a refused update. pycrdt's
# PanicException derives from BaseException, so `except Exception` would miss it.
_NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)


class Replica:
    """A copy of one document, used by one thread at a time.

    After `UpdateRejected` from `apply` the copy may hold half of an update (`broken` is then true):
    throw it away and load another.

    Args:
        limits: What the firewall allows.
    """

    def __init__(self, limits: Limits) -> None:
        self.doc: pycrdt.Doc[pycrdt.BaseType] = pycrdt.Doc()
        self.broken = False
        self._limits = limits
        self._full: bytes | None = None
        # Clocks that are surely integrated, by client; a lower bound between looks at the CRDT.
        self._known: dict[int, int] = {}
        # Clocks that updates brought or asked for and that are not integrated yet.
        self._wanted: dict[int, int] = {}

    @property
    def pending(self) -> bool:
        """Whether an update is held back because one that it builds on is missing.

        `get_update()` leaves such an update out, so an encoded state must not replace its row.
        """
        return bool(self._wanted)

    def load(self, updates: Iterable[bytes]) -> list[bytes]:
        """Apply stored updates in order, all in one transaction.

        Returns:
            The updates that the firewall refused, which were left out.

        Raises:
            UpdateRejected: the CRDT refused one that the firewall let through.
        """
        refused = []
        ends: dict[int, int] = {}
        self._full = None
        try:
            with self.doc.transaction():
                for update in updates:
                    try:
                        contents = check_update(update, self._limits)
                    except UpdateRejected:
                        refused.append(update)
                        continue
                    self.doc.apply_update(update)
                    _raise_to(ends, contents)
        except _NOT_OURS:
            raise
        except BaseException as error:
            raise self._break(error) from error
        self._look(ends)
        return refused

    def apply(self, update: bytes) -> bool:
        """Apply one update that came from outside.

        Returns:
            Whether it brought anything that this copy did not have.

        Raises:
            UpdateRejected: by the firewall (nothing happened), or by the CRDT (`broken`).
        """
        contents = check_update(update, self._limits)
        if not contents.adds and not contents.deletes:
            return False
        try:
            if self._is_next(contents):
                self.doc.apply_update(update)
                for client, (_, end) in contents.adds.items():
                    self._known[client] = end
                self._full = None
                return True
            return self._apply_unsure(update, contents)
        except _NOT_OURS:
            raise
        except BaseException as error:
            raise self._break(error) from error

    def diff(self, state_vector: bytes) -> bytes:
        """Encode what a peer with this state vector lacks, with the whole delete set.

        Raises:
            UpdateRejected: the state vector is malformed.
        """
        if state_vector == EMPTY_STATE:
            return self.encode()
        check_state_vector(state_vector, self._limits)
        return self.doc.get_update(state_vector)

    def encode(self) -> bytes:
        """Encode all of it; the same bytes object until the next change, so peers can share it."""
        if self._full is None:
            self._full = self.doc.get_update()
        return self._full

    def state(self) -> bytes:
        """Return the state vector."""
        return self.doc.get_state()

    def _is_next(self, contents: Contents) -> bool:
        """Tell whether an update surely is new and surely integrates as a whole."""
        if self._wanted or contents.gaps or not contents.adds:
            return False
        known = self._known
        for client, (start, end) in contents.adds.items():
            if start != known.get(client, 0) or end <= start:
                return False
        for client, need in contents.needs.items():
            if need > known.get(client, 0):
                added = contents.adds.get(client)
                if added is None or need > added[1]:
                    return False
        return all(end <= known.get(client, 0) for client, end in contents.deletes.items())

    def _apply_unsure(self, update: bytes, contents: Contents) -> bool:
        """Apply an update of which the clocks do not tell what it does; ask the CRDT."""
        changes: list[bool] = []
        # A Doc with a live observer is never freed and encodes each change: only while we ask.
        observer = self.doc.observe(lambda event: changes.append(True))
        try:
            self.doc.apply_update(update)
        finally:
            self.doc.unobserve(observer)
        self._full = None
        ends: dict[int, int] = {}
        _raise_to(ends, contents)
        if not self._wanted and all(end <= self._known.get(c, 0) for c, end in ends.items()):
            return bool(changes)
        brought_pending = any(
            end > max(self._known.get(client, 0), self._wanted.get(client, 0))
            for client, end in ends.items()
        )
        self._look(ends)
        return bool(changes) or (brought_pending and self.pending)

    def _look(self, ends: dict[int, int]) -> None:
        """Compare with the CRDT what is integrated and what is still wanted."""
        self._known = check_state_vector(self.doc.get_state(), self._limits)
        for client, end in self._wanted.items():
            ends[client] = max(end, ends.get(client, 0))
        known = self._known
        self._wanted = {c: end for c, end in ends.items() if end > known.get(c, 0)}

    def _break(self, error: BaseException) -> UpdateRejected:
        self.broken = True
        return UpdateRejected(f"The document's engine refused the update: {error}")


def _raise_to(ends: dict[int, int], contents: Contents) -> None:
    """Raise `ends` to the clocks up to which an update adds or deletes."""
    for client, (_, end) in contents.adds.items():
        if end > ends.get(client, 0):
            ends[client] = end
    for client, end in contents.deletes.items():
        if end > ends.get(client, 0):
            ends[client] = end


def merge(updates: list[bytes]) -> bytes:
    """Merge a small window of updates into one (quadratic in their number: at most ~64)."""
    return updates[0] if len(updates) == 1 else pycrdt.merge_updates(*updates)
