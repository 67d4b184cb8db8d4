"""One CRDT copy: apply, diff, encode. The only module that touches pycrdt for a room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pycrdt

from collab.engine.errors import UpdateRejected
from collab.engine.firewall import Limits, check_state_vector, check_update
from collab.engine.pending import Held, Pending

if TYPE_CHECKING:
    from collab.engine.firewall import Contents
    from collab.engine.ports import Loaded

logger = logging.getLogger(__name__)

_ANY = 2**62
EMPTY_UPDATE = b"\x00\x00"
EMPTY_STATE = b"\x00"
# What must end the process or the task, never be taken for a refused update. pycrdt's
# PanicException derives from BaseException, so `except Exception` would miss it.
NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)


class Replica:
    """A copy of one document, used by one thread at a time.

    After `UpdateRejected` from `apply` the copy may hold half of an update (`broken` is then true):
    throw it away and load another.

    Args:
        limits: What the firewall allows.
    """

    def __init__(self, limits: Limits) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.broken = False
        self._limits = limits
        # What is stored passed the bounds that held then. A merged state may exceed those of one
        # update, and lowering a bound must not make stored content unreadable.
        self._stored_limits = replace(
            limits,
            update_bytes=_ANY,
            structs=_ANY,
            clients=_ANY,
            delete_ranges=_ANY,
            values=_ANY,
            depth=max(limits.depth, 256),
        )
        self._full: bytes | None = None
        # The clocks up to which all is integrated, by client.
        self._known: dict[int, int] = {}
        self._pending = Pending(self._stored_limits)

    @property
    def pending(self) -> bool:
        """Whether an update is held back because one that it builds on is missing.

        An encoded state leaves such an update out, so it must not replace the update's row.
        """
        return bool(self._pending)

    def load(self, updates: Iterable[bytes]) -> list[bytes]:
        """Apply stored updates in order, all in one transaction.

        Returns:
            The updates that the firewall refused, which were left out.

        Raises:
            UpdateRejected: the CRDT refused one that the firewall let through.
        """
        refused = []
        self._full = None
        try:
            with self.doc.transaction():
                for update in updates:
                    try:
                        contents = check_update(update, self._stored_limits)
                    except UpdateRejected:
                        refused.append(update)
                        continue
                    if contents.integrates_onto(self._known):
                        self._integrate(update, contents)
                    else:
                        self._pending.add(Held(update, contents))
                self._release()
        except NOT_OURS:
            raise
        except BaseException as error:
            raise self._break(error) from error
        return refused

    def apply(self, update: bytes) -> bytes | None:
        """Apply one update that came from outside.

        Returns:
            What was integrated, for others who have all of this copy: the update itself, with what
            it set free, or `EMPTY_UPDATE` if it is held back. None if it brought nothing.

        Raises:
            UpdateRejected: by the firewall (nothing happened), or by the CRDT (`broken`).
        """
        contents = check_update(update, self._limits)
        if not contents.adds and not contents.deletes:
            return None
        try:
            if self._is_next(contents):
                self._integrate(update, contents)
                return merge([update, *self._release()])
            return self._apply_unsure(update, contents)
        except NOT_OURS:
            raise
        except BaseException as error:
            raise self._break(error) from error

    def diff(self, state_vector: bytes) -> bytes:
        """Encode what a peer with this state vector lacks, with the whole delete set.

        Raises:
            UpdateRejected: the state vector is malformed, or the CRDT cannot encode (`broken`).
        """
        if state_vector == EMPTY_STATE:
            return self.encode()
        check_state_vector(state_vector, self._limits)
        return self._encoded(state_vector)

    def encode(self) -> bytes:
        """Encode all of it; the same bytes object until the next change, so peers can share it.

        Raises:
            UpdateRejected: the CRDT cannot (`broken`).
        """
        if self._full is None:
            self._full = self._encoded(EMPTY_STATE)
        return self._full

    def drop_encoded(self) -> None:
        """Give back the memory of what `encode` keeps."""
        self._full = None

    @property
    def clocks(self) -> dict[int, int]:
        """Return the clock up to which each client's edits are integrated."""
        return check_state_vector(self.state(), self._stored_limits)

    def state(self) -> bytes:
        """Return the state vector."""
        return self.doc.get_state()

    def _is_next(self, contents: Contents) -> bool:
        """Tell whether an update surely is new and surely integrates as a whole."""
        if contents.gaps or not contents.adds:
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
        deletes = contents.deletes
        return not deletes or all(end <= known.get(client, 0) for client, end in deletes.items())

    def _apply_unsure(self, update: bytes, contents: Contents) -> bytes | None:
        """Apply an update of which the clocks do not tell whether it brings anything."""
        if not contents.integrates_onto(self._known):
            if update in self._pending:
                return None
            # Clocks cannot tell whether it repeats parts of others that are held back, so it is
            # taken for new: storing an update twice does no harm, leaving one out loses it.
            self._pending.add(Held(update, contents))
            released = self._release()
            return merge(released) if released else EMPTY_UPDATE
        changes: list[bool] = []
        # A Doc with a live observer is never freed and encodes each change: only while we ask.
        observer = self.doc.observe(lambda event: changes.append(True))
        try:
            self._integrate(update, contents)
        finally:
            self.doc.unobserve(observer)
        if not changes:
            return None
        return merge([update, *self._release()])

    def _integrate(self, update: bytes, contents: Contents) -> None:
        self._full = None
        self.doc.apply_update(update)
        _raise_to(self._known, contents)

    def _release(self) -> list[bytes]:
        """Apply what was held back and now has all that it builds on."""
        released = []
        while self._pending and (ready := self._pending.take_ready(self._known)):
            self._integrate(*ready)
            released.append(ready.update)
        return released

    def _encoded(self, state_vector: bytes) -> bytes:
        try:
            return self.doc.get_update(state_vector)
        except NOT_OURS:
            raise
        except BaseException as error:
            raise self._break(error) from error

    def _break(self, error: BaseException) -> UpdateRejected:
        self.broken = True
        return UpdateRejected(f"The document's engine refused the update: {error}")


def _raise_to(ends: dict[int, int], contents: Contents) -> None:
    """Raise `ends` to the clocks up to which an update adds."""
    for client, (_, end) in contents.adds.items():
        if end > ends.get(client, 0):
            ends[client] = end


def merge(updates: list[bytes]) -> bytes:
    """Merge a small window of updates into one (quadratic in their number: at most ~64).

    Raises:
        UpdateRejected: the CRDT cannot.
    """
    if len(updates) == 1:
        return updates[0]
    try:
        return pycrdt.merge_updates(*updates)
    except NOT_OURS:
        raise
    except BaseException as error:
        raise UpdateRejected(f"The document's engine cannot merge updates: {error}") from error


def replay(loaded: Loaded, limits: Limits) -> Replica:
    """Make a replica of what was loaded.

    Raises:
        UpdateRejected: the snapshot is refused, or the CRDT cannot read the rows.
    """
    replica = Replica(limits)
    snapshot = [] if loaded.snapshot is None else [loaded.snapshot]
    refused = replica.load(snapshot + [row.update for row in loaded.rows])
    if refused:
        if refused[0] is loaded.snapshot:
            raise UpdateRejected("The stored snapshot is refused by the firewall.")
        logger.error("%d stored rows are refused by the firewall and left out", len(refused))
    return replica


def replica_of(state: bytes) -> Replica:
    """Make a copy of a stored state to read from, to be used by this thread only."""
    replica = Replica(Limits())
    replica.load([state])
    return replica
