"""The company in a room: who is here and where they point, told to peers and other processes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from collab.engine import protocol
from collab.engine.people import People
from collab.engine.presence import Presence
from collab.engine.protocol import Kind

if TYPE_CHECKING:
    import asyncio

    from collab.engine.peer import Peer, Person
    from collab.engine.room import Room

logger = logging.getLogger(__name__)

_PEOPLE_TICK_S = 0.1
# A page has one client; it may have had others that have not expired. Without a bound one peer
# could take every place that a room has.
_STATES_PER_PEER = 16


class Company:
    """Presence and people of one room, with the ticks that send them.

    Args:
        room: Whose peers are told.
    """

    def __init__(self, room: Room) -> None:
        limits = room.limits
        self._room = room
        self.presence = Presence(
            max_states=limits.presence_states,
            max_state_bytes=limits.presence_state_bytes,
            expiry_s=limits.presence_expiry_s,
        )
        self.people = People(limits.people_refresh_s)
        # Clients of our peers whose change the other processes have not been told.
        self._untold: set[int] = set()
        self._people_untold = False
        self._tick: asyncio.TimerHandle | None = None
        self._ticked_at = room.clock.now()
        self._people_timer: asyncio.TimerHandle | None = None

    def join(self, peer: Peer) -> None:
        """Count a peer's person in, and show the peer who is present."""
        if peer.person is not None:
            self.arrive(peer.person)
        self.show(peer)

    def leave(self, peer: Peer) -> None:
        """Count a peer's person out, and take its presence away."""
        gone = self.presence.drop(peer, self._room.clock.now())
        self._untold |= gone
        self._changed(gone)
        if peer.person is not None:
            self.depart(peer.person)

    def arrive(self, person: Person) -> None:
        """Count in somebody who is here, also without a peer."""
        self.people.add(person)
        self._people_changed()

    def depart(self, person: Person) -> None:
        """Count out who arrived."""
        self.people.remove(person)
        self._people_changed()

    def receive(self, peer: Peer, payload: bytes) -> None:
        """Take an awareness frame's payload.

        Raises:
            FrameMalformed: it is none, or a browser could not read it.
        """
        states = protocol.decode_states(payload, max_states=self._room.limits.presence_states)
        changed = self.presence.merge(
            states, owner=peer, now=self._room.clock.now(), max_owned=_STATES_PER_PEER
        )
        self._untold |= changed
        self._changed(changed)

    def show(self, peer: Peer) -> int:
        """Show a peer who is present. Returns the size of that in bytes."""
        clients = self.presence.present()
        if not clients:
            return 0
        payload = self.presence.of(clients)
        peer.send_presence(protocol.encode(Kind.AWARENESS, payload), clients)
        return len(payload)

    def hear(self, process: str, event: dict[str, Any]) -> None:
        """Take an event of another process: `presence`, `presence?` or `people`."""
        room = self._room
        if event["event"] == "presence":
            states = protocol.decode_states(event["states"], max_states=room.limits.presence_states)
            self._changed(self.presence.merge(states, owner=process, now=room.clock.now()))
        elif event["event"] == "presence?":
            self._publish_presence(self.presence.owned_by(room.peers))
            self.publish_people()
        elif self.people.hear(process, event["people"], room.clock.now()):
            self._people_changed(tell=False)

    def publish_people(self) -> None:
        """Tell the other processes who is here in this one."""
        self._room.publish({"event": "people", "people": self.people.rows()})

    def expire(self, now: float) -> None:
        """Let go of whom nobody renews."""
        self._changed(self.presence.expire(now))
        if self.people.expire(now):
            self._people_changed(tell=False)

    def close(self) -> None:
        """Cancel the ticks, and tell a last time who is here."""
        for timer in (self._tick, self._people_timer):
            if timer is not None:
                timer.cancel()
        self._tell_people()

    def _changed(self, clients: set[int]) -> None:
        """Have the next tick send what changed."""
        room = self._room
        if clients and self._tick is None and not room.closed:
            self._tick = room.clock.call_later(room.limits.presence_tick_s, self._send)

    def _send(self) -> None:
        """Send one frame of what waits longest; the next one follows after what this one cost."""
        self._tick = None
        room, limits = self._room, self._room.limits
        started = room.clock.now()
        since_s = min(started - self._ticked_at, 1.0)
        self._ticked_at = started
        if self._untold:
            self._publish_presence(self._untold)
            self._untold = set()
        taken = self.presence.take(int(limits.presence_bytes_per_s * since_s))
        if taken is None:
            return
        payload, clients = taken
        frame = protocol.encode(Kind.AWARENESS, payload)
        for peer in tuple(room.peers):
            peer.send_presence(frame, clients)
        room.sent_at = now = room.clock.now()
        wait_s = (now - started) * limits.presence_cost_factor
        wait_s = min(max(wait_s, limits.presence_tick_s), limits.presence_tick_max_s)
        if self._tick is not None:
            self._tick.cancel()  # Of a peer that left because this frame was too much for it.
        self._tick = room.clock.call_later(wait_s, self._send)

    def _publish_presence(self, clients: set[int]) -> None:
        self._room.publish({"event": "presence", "states": self.presence.of(clients)})

    def _people_changed(self, *, tell: bool = True) -> None:
        """Have the other processes (`tell`) and the watchers told, once for all who come and go."""
        self._people_untold |= tell
        if self._people_timer is None and not self._room.closed:
            self._people_timer = self._room.clock.call_later(_PEOPLE_TICK_S, self._tell_people)

    def _tell_people(self) -> None:
        self._people_timer = None
        if self._people_untold:
            self._people_untold = False
            self.publish_people()
            self._room.occupancy.here(self._room.key, self.people.here())
        for watcher in tuple(self.people.watchers):
            try:
                watcher()
            except Exception:
                logger.exception("A watcher of room %s failed", self._room.key)
