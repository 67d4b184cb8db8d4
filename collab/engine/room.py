"""One document in one process: a replica, the peers on it, and what they have not been sent."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from collab.engine import protocol
from collab.engine.company import Company
from collab.engine.errors import (
    CloseCode,
    CollabError,
    EpochChanged,
    FrameTooLarge,
    LogUnavailable,
    NoSuchRoom,
    Overloaded,
    Refused,
    UpdateRejected,
)
from collab.engine.fanout import FanOut
from collab.engine.firewall import check_state_vector
from collab.engine.journal import Unsaved
from collab.engine.peer import DENIED, KEEP_ALIVE, Peer
from collab.engine.protocol import Kind
from collab.engine.replica import EMPTY_STATE, EMPTY_UPDATE, NOT_OURS, replay
from collab.engine.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from collab.engine.limits import RoomLimits
    from collab.engine.peer import Person
    from collab.engine.ports import Appended, Author, Head, Loaded, Wire, Write
    from collab.engine.registry import Registry

logger = logging.getLogger(__name__)

# y-websocket gives up on a connection that brings no frame for 30 s; pings do not count.
KEEP_ALIVE_S = 20
# What is heard of beyond the next row mostly follows within this: an own commit under way, or an
# event that overtook another. Only then is the log read.
_GAP_PATIENCE_S = 0.2


class Room:
    """The room of one document. Used from its event loop only; nothing in it awaits but `heal`.

    Args:
        key: The room's primary key in the log.
        loaded: What the log holds of it.
        registry: Whose room this is; gives log, relay, clock, limits and meter.
        kind: What sort of document it is, see `RoomKind`.

    Raises:
        UpdateRejected: the stored rows cannot be read by the CRDT.
    """

    def __init__(self, key: int, loaded: Loaded, registry: Registry, kind: RoomKind) -> None:
        self.key = key
        self.kind = kind
        self.epoch = loaded.head.epoch
        self.limits: RoomLimits = registry.limits
        self.clock = registry.clock
        self.meter = registry.meter
        self._registry = registry
        self._relay = registry.relay
        self._journal = registry.journal
        self.access = loaded.head.access
        # Called when rights in this room changed: whoever holds a socket asks again.
        self.reconsider: set[Callable[[], None]] = set()
        # Called when the room is closed: whoever holds it without a peer lets it go.
        self.enders: set[Callable[[Room], None]] = set()
        self.holds = 0
        self.closed = False
        self.peers: dict[Peer, None] = {}
        self.replica = replay(loaded, self.limits.update)
        self.tail = Tail(loaded.rows[-1].seq if loaded.rows else loaded.seq)
        self.rows_since_snapshot = len(loaded.rows)
        self._unsaved = Unsaved()
        self.sent_at = self.clock.now()
        self.occupancy = registry.occupancy
        self.turns = registry.turns
        self.company = Company(self)
        self._fanout = FanOut(self)
        self._whole: tuple[bytes, bytes] | None = None
        self._gap_timer: asyncio.TimerHandle | None = None
        self.healing: asyncio.Task[bool] | None = None

    # Peers

    def join(
        self, wire: Wire, *, author: Author, person: Person | None, may_write: bool, acks: bool
    ) -> Peer:
        """Add a peer, ask it for what it has (if it may write), and show it who is present.

        Raises:
            Overloaded: the room is full, or was closed since it was leased.
        """
        self._check_open()
        if len(self.peers) >= self.limits.peers_per_room:
            raise Overloaded("This document has as many connections as it may have.")
        peer = Peer(self, wire, author=author, person=person, may_write=may_write, acks=acks)
        self.peers[peer] = None
        if may_write:
            peer.send(self.step1())
        self.company.join(peer)
        return peer

    def _check_open(self) -> None:
        if self.closed or self._registry.stopping:
            raise Overloaded("The document is loaded again; come back.")

    def leave(self, peer: Peer) -> None:
        """Remove a peer, its presence with it. Its unsaved updates are saved all the same."""
        if peer.closed:
            return
        peer.closed = True
        self.peers.pop(peer, None)
        self.turns.end(peer)
        self.company.leave(peer)

    def receive(self, peer: Peer, frame: bytes) -> None:
        """Take one frame of a peer. A frame that is refused closes its peer, and nobody else."""
        if peer.closed:
            return
        try:
            peer.spend(len(frame))
            if len(frame) > self.limits.frame_bytes:
                raise FrameTooLarge(f"A frame may have {self.limits.frame_bytes} bytes at most.")
            kind, payload = protocol.decode(frame)
            if kind is Kind.UPDATE or kind is Kind.STEP2:
                if kind is Kind.STEP2 and peer.may_write:
                    peer.owes = False
                self._content(peer, payload)
            elif kind is Kind.STEP1:
                self._step1(peer, payload)
            elif kind is Kind.AWARENESS:
                self.company.receive(peer, payload)
            else:
                peer.charge(self.company.show(peer))
        except (Refused, Overloaded) as error:
            self.refuse(peer, error)
        except NOT_OURS:
            raise
        except BaseException:
            # Also a panic of the CRDT's, which servers would let pass and go on: then the frames
            # that follow would be acknowledged by the wrong number, and rest on what is not stored.
            logger.exception("Room %s: a frame could not be taken", self.key)
            peer.close(1011, "The server failed; come back.")
            self.restart("a frame of a peer failed half-way")

    def refuse(self, peer: Peer, error: Refused | Overloaded) -> None:
        """Close the peer whose frame was refused, and nobody else."""
        self.meter.refused(type(error).__name__)
        peer.close(error.code, str(error))
        if self.replica.broken:
            self.restart()

    async def submit(self, author: Author, update: bytes) -> int:
        """Apply an update that came without a socket.

        Returns:
            The room's last seq once the update is durable.

        Raises:
            UpdateRejected, Overloaded, NoSuchRoom, EpochChanged: it is not applied or not saved.
            LogUnavailable: the process stopped before it was known to be saved.
        """
        self._check_open()
        durable: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            self._apply(None, author, update)
        except UpdateRejected:
            self.meter.refused("UpdateRejected")
            if self.replica.broken:
                self.restart()
            raise
        self._unsaved.waiters.append(durable)
        self._journal.mark(self, 0)
        return await durable

    # Content

    def _content(self, peer: Peer, update: bytes) -> None:
        peer.content_frames += 1
        if not peer.may_write:
            self._deny(peer, update)
            return
        new = self._apply(peer, peer.author, update)
        if peer.owes:
            return  # An ack would be for a frame before this one, too, that was not applied.
        if new:
            self._unsaved.acks[peer] = peer.content_frames
        elif self._journal.holds(self):
            # Nothing new, but what it repeats may not be durable yet.
            self._unsaved.acks[peer] = peer.content_frames
            self._journal.mark(self, 0)
        else:
            peer.ack(peer.content_frames)

    def _deny(self, peer: Peer, update: bytes) -> None:
        """Leave out what a peer sent without the right to, and say so once."""
        if update == EMPTY_UPDATE:
            return  # So an unmodified provider answers step 1; it denies nothing.
        peer.owes = True
        if not peer.denied and not peer.stalled:
            peer.denied = True
            peer.send(DENIED)

    def _apply(self, peer: Peer | None, author: Author, update: bytes) -> bool:
        if self._journal.full:
            raise Overloaded("The server cannot store more right now; come back in a moment.")
        brought = self.replica.apply(update)
        if brought is None:
            return False
        keep = self._unsaved.add_held if brought == EMPTY_UPDATE else self._unsaved.add
        self._journal.mark(self, keep(author, update))
        # What it set free was not sent to anybody yet, to its author neither.
        self._fanout.add(peer if brought is update else None, brought)
        self._edited()
        return True

    def _edited(self) -> None:
        try:
            self.kind.edited(self)
        except Exception:
            # An app's defect must not keep an edit from anybody, nor close its author.
            logger.exception("What follows from an edit of room %s failed", self.key)

    def _step1(self, peer: Peer, state_vector: bytes) -> None:
        check_state_vector(state_vector, self.limits.update)
        try:
            peer.answer(state_vector)
        except UpdateRejected:
            self.restart()  # The replica cannot be encoded: not the fault of who asked.

    def step1(self) -> bytes:
        """Encode the question for what this replica lacks as a frame."""
        return protocol.encode(Kind.STEP1, self.replica.state())

    def step2(self, state_vector: bytes) -> bytes:
        """Encode the answer to a state vector as a frame.

        Everybody who has nothing yet gets the same bytes object: a hundred who join a document of
        4 MB at once share it.
        """
        update = self.replica.diff(state_vector)
        if state_vector != EMPTY_STATE:
            return protocol.encode(Kind.STEP2, update)
        if self._whole is None or self._whole[0] is not update:
            self._whole = (update, protocol.encode(Kind.STEP2, update))
        return self._whole[1]

    # Log

    def take_unsaved(self) -> Unsaved:
        """Give the journal what is not saved; it becomes durable or the room is closed."""
        unsaved, self._unsaved = self._unsaved, Unsaved()
        return unsaved

    def committed(
        self, unsaved: Unsaved, writes: Sequence[Write], answer: Appended | Exception | None
    ) -> None:
        """Take the journal's answer: acknowledge, tell the other processes, note the rows."""
        if isinstance(answer, Exception):
            for waiter in unsaved.waiters:
                if not waiter.done():
                    waiter.set_exception(answer)
            self.fail(answer)
            return
        for peer, count in unsaved.acks.items():
            peer.ack(count)
        if answer is not None:
            updates = [write.update for write in writes]
            event: dict[str, Any] = {
                "event": "rows", "epoch": self.epoch, "first": answer.first, "last": answer.last
            }  # fmt: skip
            if sum(map(len, updates)) <= self.limits.relay_update_bytes:
                event["updates"] = updates
            self.publish(event)
            self._held(answer.first, answer.last)
        for waiter in unsaved.waiters:
            if not waiter.done():
                waiter.set_result(self.tail.expected)
        if answer is not None and not self.closed:
            self.kind.saved(self)

    def _held(self, first: int, last: int) -> None:
        self.rows_since_snapshot += last - first + 1
        self.tail.hold(first, last)
        if self.tail.behind:
            self._await_gap()
        if self.rows_since_snapshot >= self.limits.compact_rows:
            self.rows_since_snapshot = 0
            self._registry.compact(self.key)

    def check_head(self, head: Head | None) -> None:
        """Compare with the head that the database has now; None: the room is gone."""
        if head is None:
            self.fail(NoSuchRoom("This document was deleted."))
        elif head.epoch != self.epoch:
            self.fail(EpochChanged("This document was reset."))
        else:
            self.check_access(head.access)
            self.tail.expect(head.seq)
            if self.tail.behind:
                self._await_gap()

    def check_access(self, access: int) -> None:
        """Have every socket's rights asked for again if they changed since the last time."""
        if access > self.access:
            self.access = access
            for ask in tuple(self.reconsider):
                ask()

    def _await_gap(self) -> None:
        if self._gap_timer is None and self.healing is None and not self.closed:
            self._gap_timer = self.clock.call_later(_GAP_PATIENCE_S, self._close_gap)

    def _close_gap(self) -> None:
        self._gap_timer = None
        if self.tail.behind and self.healing is None and not self.closed:
            self.healing = asyncio.create_task(self.heal(), name=f"heal room {self.key}")
            self.healing.add_done_callback(self._healed)

    def _healed(self, task: asyncio.Task[bool]) -> None:
        self.healing = None
        if task.cancelled():
            return
        if task.exception() is not None:
            logger.error("Healing room %s failed", self.key, exc_info=task.exception())
        elif task.result() and self.tail.behind:
            self._await_gap()  # What was heard of while the log was read.

    async def heal(self) -> bool:
        """Read from the log what the relay did not bring, and send it on.

        Returns:
            Whether there was anything. If not, the next comparison of heads comes back to it.
        """
        log, after = self._registry.log, self.tail.seq
        try:
            rows = await log.read(self.key, after)
            # Rows do not tell their epoch. It only grows, so it was this one when they were read.
            head = (await log.heads([self.key])).get(self.key)
        except (LogUnavailable, NoSuchRoom):
            return False
        if self.closed or not rows:
            return False
        if head is None or head.epoch != self.epoch:
            self.check_head(head)
            return False
        missed = sum(self._take_row(row.update) for row in rows)
        # The first may be a state that the missed rows were folded into.
        self._held(after + 1, rows[-1].seq)
        if missed:
            self.meter.healed(missed)
        return True

    def _take_row(self, update: bytes) -> bool:
        """Apply a row that another process stored. Returns whether it was new here."""
        if self.closed:
            return False  # A row before it broke the replica.
        try:
            brought = self.replica.apply(update)
        except UpdateRejected:
            # A row may exceed what an update may have: it may be a folded state, or the bound was
            # lowered. Loading holds rows to their structure only.
            logger.exception("Room %s cannot apply a stored row", self.key)
            self.restart("it cannot apply a stored row")
            return False
        if brought is None:
            return False
        self._fanout.add(None, brought)
        self._edited()
        return True

    # Relay

    def publish(self, event: dict[str, Any]) -> None:
        """Tell the other processes that have this room open; it may be lost."""
        self._relay.publish(self.key, event)

    def hear(self, process: str, event: dict[str, Any]) -> None:
        """Take an event of another process."""
        kind = event["event"]
        if kind == "rows":
            if event["epoch"] != self.epoch:
                self._registry.look()
            elif "updates" in event:
                for update in event["updates"]:
                    self._take_row(update)
                self._held(event["first"], event["last"])
            else:
                self.tail.expect(event["last"])
                self._close_gap()
        elif kind in ("presence", "presence?", "people"):
            self.company.hear(process, event)
        elif kind == "access":
            self.check_access(event["access"])
        elif kind == "look":
            self._registry.look()
        else:
            self.kind.hear(self, event)

    # Life

    def sweep(self) -> None:
        """Do what is due every few seconds: expire presence, keep quiet connections alive."""
        now = self.clock.now()
        self._whole = None
        self.replica.drop_encoded()
        self.company.expire(now)
        for peer in tuple(self.peers):
            if peer.stalled:
                peer.check_stall()
        if now - self.sent_at > KEEP_ALIVE_S:
            self.sent_at = now
            for peer in tuple(self.peers):
                if not peer.stalled:
                    peer.send(KEEP_ALIVE)

    def restart(self, why: str = "its replica is broken") -> None:
        """Send everybody away to come back to a replica made anew from the log."""
        logger.error("Room %s starts anew: %s", self.key, why)
        self.close_peers(CloseCode.RESTART, "The document is loaded again; come back.")
        self._registry.forget(self)

    def fail(self, error: Exception) -> None:
        """Close the room for an error that the log answered for good."""
        code = error.code if isinstance(error, CollabError) else 1011
        self.close_peers(code, str(error))
        self._registry.forget(self)

    def close_peers(self, code: int, reason: str) -> None:
        for peer in tuple(self.peers):
            peer.close(code, reason)

    def close(self) -> None:
        """Cancel what the room has running. It must have no peers."""
        self.closed = True
        if self._gap_timer is not None:
            self._gap_timer.cancel()
        if self.healing is not None:
            self.healing.cancel()
        self._fanout.cancel()
        self.company.close()
        for end in tuple(self.enders):
            end(self)


class RoomKind:
    """What the app that a room belongs to adds to it; the default adds nothing."""

    def opened(self, room: Room) -> None:
        """Act after the room was loaded."""

    def edited(self, room: Room) -> None:
        """Act after an edit was applied, of this process or another. Must be cheap: it is each."""

    def saved(self, room: Room) -> None:
        """Act after edits of this process's peers became durable. Must not block."""

    def hear(self, room: Room, event: dict[str, Any]) -> None:
        """Take an event that the engine does not know."""

    def closing(self, room: Room) -> None:
        """Act before an idle room is closed."""
