"""What one peer has yet to be sent while it does not read: bounded, merged, not queued."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.engine.replica import merge

if TYPE_CHECKING:
    from collab.engine.room import Room


class Outbox:
    """Holds back frames of a peer that does not keep up.

    Updates are kept as they are (the bytes are shared by all peers) while they are few; past
    `max_bytes` or `max_updates` they collapse into one state vector, from which the replica encodes
    one diff later. Of presence only the ids of the clients are kept, of acks only the last, so an
    outbox never grows with time.

    Args:
        max_bytes: Bound of the updates that are kept as they are.
        max_updates: Bound of their number; merging is quadratic in it.
    """

    __slots__ = (
        "_ack", "_asked", "_clients", "_kept", "_kept_bytes", "_max_bytes", "_max_updates",
        "_since", "missed_bytes",
    )  # fmt: skip

    def __init__(self, *, max_bytes: int, max_updates: int) -> None:
        self._max_bytes = max_bytes
        self._max_updates = max_updates
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._since: bytes | None = None
        self._asked: bytes | None = None
        self._clients: set[int] = set()
        self._ack: int | None = None
        self.missed_bytes = 0

    def __bool__(self) -> bool:
        return (
            self._asked is not None
            or self._since is not None
            or self._ack is not None
            or bool(self._clients)
        )

    def add_question(self, state_vector: bytes) -> None:
        """Note that the peer asked for all it lacks; the answer will hold every update."""
        self._asked = state_vector

    def add_update(self, update: bytes, state_before: bytes) -> None:
        """Hold an update back.

        Args:
            state_before: A state vector of what the peer was sent before the update.
        """
        if self._since is None:
            self._since = state_before
            self._kept = []
            self._kept_bytes = 0
        self.missed_bytes += len(update)
        if self._kept_bytes > self._max_bytes:
            return
        self._kept.append(update)
        self._kept_bytes += len(update)
        if len(self._kept) > self._max_updates:
            self._kept_bytes = self._max_bytes + 1
        if self._kept_bytes > self._max_bytes:
            self._kept = []

    def add_presence(self, clients: set[int]) -> None:
        self._clients |= clients

    def add_ack(self, count: int) -> None:
        self._ack = count

    def take(self, room: Room) -> bytes | None:
        """Take the next frame, content first; None when nothing is held back."""
        if self._asked is not None:
            answer = room.step2(self._asked)
            self._asked = self._since = None
            self._kept = []
            self.missed_bytes = 0
            return answer
        if self._since is not None:
            update = merge(self._kept) if self._kept else room.replica.diff(self._since)
            self._since = None
            self._kept = []
            self.missed_bytes = 0
            return protocol.encode(Kind.UPDATE, update)
        if self._ack is not None:
            count, self._ack = self._ack, None
            return protocol.encode_ack(count)
        if self._clients:
            clients, self._clients = self._clients, set()
            return protocol.encode(Kind.AWARENESS, room.company.presence.of(clients))
        return None
