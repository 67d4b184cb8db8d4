"""One document in one process: a replica, the peers on it, and what they have not been sent."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from collab.engine import protocol
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
from collab.engine.firewall import check_state_vector
from collab.engine.journal import Unsaved
from collab.engine.peer import Peer
from collab.engine.people import People
from collab.engine.presence import Presence
from collab.engine.protocol import Kind
from collab.engine.replica import EMPTY_STATE, EMPTY_UPDATE, merge, replay
from collab.engine.tail import Tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collab.engine.limits import RoomLimits
    from collab.engine.peer import Person
    from collab.engine.ports import Appended, Author, Head, Loaded, Wire, Write
    from collab.engine.registry import Registry

logger = logging.getLogger(__name__)

# y-websocket gives up on a connection that brings no frame for 30 s; pings do not count.
KEEP_ALIVE_S = 20
_KEEP_ALIVE = protocol.encode(Kind.AWARENESS, protocol.encode_states(()))
# What is heard of beyond the next row mostly follows within this: an own commit under way, or an
# event that overtook another. Only then is the log read.
_GAP_PATIENCE_S = 0.2
_PEOPLE_TICK_S = 0.1
# A page has one client; it may have had others that have not expired. Without a bound one peer
# could take every place that a room has.
_STATES_PER_PEER = 16


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
        self.holds = 0
        self.closed = False
        self.peers: dict[Peer, None] = {}
        self.replica = replay(loaded, self.limits.update)
        self.tail = Tail(loaded.rows[-1].seq if loaded.rows else loaded.seq)
        self.rows_since_snapshot = len(loaded.rows)
        self.presence = Presence(
            max_states=self.limits.presence_states,
            max_state_bytes=self.limits.presence_state_bytes,
            expiry_s=self.limits.presence_expiry_s,
        )
        self.people = People(self.limits.people_refresh_s)
        self._unsaved = Unsaved()
        # Content since the last fan-out: who it came from (None: another process) and the bytes.
        self._fresh: list[tuple[Peer | None, bytes]] = []
        self._sent_state = self.replica.state()
        self._whole: tuple[bytes, bytes] | None = None
        self._window: asyncio.TimerHandle | None = None
        self._window_s = 0.0
        self._presence_timer: asyncio.TimerHandle | None = None
        self._presence_at = self._sent_at = self.clock.now()
        self._told: set[int] = set()
        self._people_timer: asyncio.TimerHandle | None = None
        self._people_untold = False
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
        if person is not None:
            self.people.add(person)
            self._people_changed()
        if may_write:
            peer.send(protocol.encode(Kind.STEP1, self.replica.state()))
        self._send_everybody(peer)
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
        gone = self.presence.drop(peer, self.clock.now())
        self._told |= gone
        self._changed(gone)
        if peer.person is not None:
            self.people.remove(peer.person)
            self._people_changed()

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
                self._content(peer, payload)
            elif kind is Kind.STEP1:
                self._step1(peer, payload)
            elif kind is Kind.AWARENESS:
                self._awareness(peer, payload)
            else:
                peer.charge(self._send_everybody(peer))
        except (Refused, Overloaded) as error:
            self.refuse(peer, error)

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
        if not peer.may_write:
            # An unmodified provider answers step 1 with an update; an empty one denies nothing.
            if update != EMPTY_UPDATE and not peer.denied:
                peer.denied = True
                reason = b"You may read this document, not change it."
                if not peer.stalled:
                    peer.send(protocol.encode(Kind.DENIED, reason))
            return
        peer.content_frames += 1
        if self._apply(peer, peer.author, update):
            self._unsaved.acks[peer] = peer.content_frames
        elif self._journal.holds(self):
            # Nothing new, but what it repeats may not be durable yet.
            self._unsaved.acks[peer] = peer.content_frames
            self._journal.mark(self, 0)
        else:
            peer.ack(peer.content_frames)

    def _apply(self, peer: Peer | None, author: Author, update: bytes) -> bool:
        if self._journal.full:
            raise Overloaded("The server cannot store more right now; come back in a moment.")
        brought = self.replica.apply(update)
        if brought is None:
            return False
        self.meter.updates(1)
        self._journal.mark(self, self._unsaved.add(author, update))
        # What it set free was not sent to anybody yet, to its author neither.
        self._spread(peer if brought is update else None, brought)
        return True

    def _step1(self, peer: Peer, state_vector: bytes) -> None:
        check_state_vector(state_vector, self.limits.update)
        try:
            peer.answer(state_vector)
        except UpdateRejected:
            self.restart()  # The replica cannot be encoded: not the fault of who asked.

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

    def _spread(self, source: Peer | None, update: bytes) -> None:
        """Send to the peers: at once in a quiet room, with the open window's end in a busy one."""
        if update == EMPTY_UPDATE:
            return  # Held back: it is sent when what it builds on is here.
        self._fresh.append((source, update))
        if self._window is None:
            self._fan_out()

    def _fan_out(self) -> None:
        """Encode what is fresh once, give everybody the same bytes, and open a window.

        Each window that brought something makes the next twice as long, up to the bound: two people
        see each other's letters at once, twenty share the frames of a window. A window also lasts a
        few times what its fan-out cost, so that a large room leaves the loop its time.
        """
        self._window = None
        if not self._fresh:
            self._window_s = 0.0
            return
        fresh, self._fresh = self._fresh, []
        started = self.clock.now()
        update = self._merged([bytes_ for _, bytes_ in fresh])
        frame = protocol.encode(Kind.UPDATE, update)
        first = fresh[0][0]
        # Whoever wrote all of it has it; anybody else's window is applied twice without harm.
        author = first if all(source is first for source, _ in fresh) else None
        before = self._sent_state
        for peer in tuple(self.peers):
            if peer is not author:
                peer.send_update(frame, update, before)
        self._sent_state = self.replica.state()
        now = self.clock.now()
        if author is None:
            self._sent_at = now  # Else its author was sent nothing.
        cost_s = now - started
        self.meter.flushed(cost_s, len(self.peers))
        limits = self.limits
        wanted_s = max(2 * self._window_s, cost_s * limits.window_cost_factor, limits.window_min_s)
        self._window_s = min(wanted_s, limits.window_max_s)
        self._window = self.clock.call_later(self._window_s, self._fan_out)

    def _merged(self, updates: list[bytes]) -> bytes:
        try:
            return merge(updates)
        except UpdateRejected:
            logger.exception("Room %s cannot merge what is fresh", self.key)
            return self.replica.diff(self._sent_state)

    # Presence

    def _awareness(self, peer: Peer, payload: bytes) -> None:
        states = protocol.decode_states(payload, max_states=self.limits.presence_states)
        changed = self.presence.merge(
            states, owner=peer, now=self.clock.now(), max_owned=_STATES_PER_PEER
        )
        if changed:
            self._told |= changed
            self._changed(changed)

    def _changed(self, clients: set[int]) -> None:
        """Have the next tick send what changed; the tick's distance follows what ticks cost."""
        if clients and self._presence_timer is None and not self.closed:
            self._presence_timer = self.clock.call_later(
                self.limits.presence_tick_s, self._presence_tick
            )

    def _presence_tick(self) -> None:
        self._presence_timer = None
        limits = self.limits
        started = self.clock.now()
        since_s = min(started - self._presence_at, 1.0)
        self._presence_at = started
        if self._told:
            self._publish_presence(self._told)
            self._told = set()
        taken = self.presence.take(int(limits.presence_bytes_per_s * since_s))
        if taken is None:
            return
        payload, clients = taken
        frame = protocol.encode(Kind.AWARENESS, payload)
        for peer in tuple(self.peers):
            peer.send_presence(frame, clients)
        self._sent_at = now = self.clock.now()
        wait_s = (now - started) * limits.presence_cost_factor
        wait_s = min(max(wait_s, limits.presence_tick_s), limits.presence_tick_max_s)
        self._presence_timer = self.clock.call_later(wait_s, self._presence_tick)

    def _send_everybody(self, peer: Peer) -> int:
        """Show a peer who is present. Returns the size of the answer in bytes."""
        clients = self.presence.present()
        if not clients:
            return 0
        payload = self.presence.of(clients)
        peer.send_presence(protocol.encode(Kind.AWARENESS, payload), clients)
        return len(payload)

    def _publish_people(self) -> None:
        self._relay.publish(self.key, {"event": "people", "people": self.people.rows()})

    def _publish_presence(self, clients: set[int]) -> None:
        self._relay.publish(self.key, {"event": "presence", "states": self.presence.of(clients)})

    def _people_changed(self, *, tell: bool = True) -> None:
        """Have the other processes (`tell`) and the watchers told, once for all who come and go."""
        self._people_untold |= tell
        if self._people_timer is None and not self.closed:
            self._people_timer = self.clock.call_later(_PEOPLE_TICK_S, self._people_tick)

    def _people_tick(self) -> None:
        self._people_timer = None
        if self._people_untold:
            self._people_untold = False
            self._publish_people()
        for watcher in tuple(self.people.watchers):
            try:
                watcher()
            except Exception:
                logger.exception("A watcher of room %s failed", self.key)

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
            self._relay.publish(self.key, event)
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
            self.tail.expect(head.seq)
            if self.tail.behind:
                self._await_gap()

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
        log = self._registry.log
        try:
            rows = await log.read(self.key, self.tail.seq)
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
        self._held(rows[0].seq, rows[-1].seq)
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
            logger.exception("Room %s cannot apply a stored row", self.key)
            if self.replica.broken:
                self.restart()
            return False
        if brought is None:
            return False
        self._spread(None, brought)
        return True

    # Relay

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
        elif kind == "presence":
            states = protocol.decode_states(event["states"], max_states=self.limits.presence_states)
            self._changed(self.presence.merge(states, owner=process, now=self.clock.now()))
        elif kind == "presence?":
            self._publish_presence(self.presence.owned_by(self.peers))
            self._publish_people()
        elif kind == "people":
            if self.people.hear(process, event["people"], self.clock.now()):
                self._people_changed(tell=False)
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
        self._changed(self.presence.expire(now))
        if self.people.expire(now):
            self._people_changed(tell=False)
        for peer in tuple(self.peers):
            if peer.stalled:
                peer.check_stall()
        if now - self._sent_at > KEEP_ALIVE_S:
            self._sent_at = now
            for peer in tuple(self.peers):
                if not peer.stalled:
                    peer.send(_KEEP_ALIVE)

    def tell_people(self) -> None:
        """Tell the other processes again who is here."""
        if self.peers:
            self._publish_people()

    def restart(self) -> None:
        """Send everybody away to come back to a replica made anew from the log."""
        logger.error("Room %s starts anew: its replica is broken", self.key)
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
        for timer in (self._window, self._presence_timer, self._people_timer, self._gap_timer):
            if timer is not None:
                timer.cancel()
        if self.healing is not None:
            self.healing.cancel()
        self._people_tick()


class RoomKind:
    """What the app that a room belongs to adds to it; the default adds nothing."""

    def opened(self, room: Room) -> None:
        """Act after the room was loaded."""

    def saved(self, room: Room) -> None:
        """Act after edits of this process's peers became durable. Must not block."""

    def hear(self, room: Room, event: dict[str, Any]) -> None:
        """Take an event that the engine does not know."""

    def closing(self, room: Room) -> None:
        """Act before an idle room is closed."""
