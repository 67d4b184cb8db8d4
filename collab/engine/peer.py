"""One socket, as its room sees it: who it is, what it may, what it has been sent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collab.engine import protocol
from collab.engine.errors import CloseCode, TooFast, UpdateRejected
from collab.engine.outbox import Outbox
from collab.engine.protocol import Kind
from collab.engine.turns import LARGE_BYTES

if TYPE_CHECKING:
    from collab.engine.ports import Author, Wire
    from collab.engine.room import Room


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is here, as others see them. `id` is the same for all sockets of one person."""

    id: str
    name: str
    palette: int


# Nobody's presence: y-websocket takes it for a sign of life.
KEEP_ALIVE = protocol.encode(Kind.AWARENESS, protocol.encode_states(()))
# Says to a provider that its content is not applied.
DENIED = protocol.encode(Kind.DENIED, b"You may read this document, not change it.")

# Who takes a large frame no faster than this is closed as one that does not read.
_SLOW_LINE_BYTES_PER_S = 2**17


class Peer:
    """A socket in a room.

    Args:
        room: Where it is.
        wire: What writes to its socket.
        author: Whom its updates are stored under.
        person: Who it is to others; None for one that is not shown (an API key).
        may_write: Whether its content frames are applied.
        acks: Whether it asked for acks (`?ack=1`).
    """

    __slots__ = (
        "_bytes_left",
        "_filled_at",
        "_frames_left",
        "_right_untold",
        "_stalled_at",
        "acked",
        "acks",
        "author",
        "closed",
        "content_frames",
        "denied",
        "may_write",
        "outbox",
        "owes",
        "person",
        "room",
        "stalled",
        "wire",
    )  # fmt: skip

    def __init__(
        self,
        room: Room,
        wire: Wire,
        *,
        author: Author,
        person: Person | None,
        may_write: bool,
        acks: bool,
    ) -> None:
        limits = room.limits
        self.room = room
        self.wire = wire
        self.author = author
        self.person = person
        self.may_write = may_write
        self.acks = acks
        self.content_frames = 0
        self.acked = 0
        self.denied = False
        # Whether it sent what was not applied, and no step 2, which has all of that, since.
        self.owes = False
        self._right_untold = False
        self.closed = False
        self.stalled = False
        self.outbox: Outbox | None = None
        self._stalled_at = 0.0
        self._frames_left = limits.rate_frames_per_s * limits.rate_burst_s
        self._bytes_left = limits.rate_bytes_per_s * limits.rate_burst_s
        self._filled_at = room.clock.now()

    def receive(self, frame: bytes) -> None:
        """Hand the room a frame from this peer's socket; a refusal closes the socket."""
        self.room.receive(self, frame)

    def spend(self, size: int) -> None:
        """Take one frame of `size` bytes out of the peer's rate.

        Raises:
            TooFast: nothing is left.
        """
        self._frames_left -= 1
        self.charge(size)

    def charge(self, size: int) -> None:
        """Take bytes that the peer sent or asked for out of its rate.

        Raises:
            TooFast: nothing is left.
        """
        self._bytes_left -= size
        if self._frames_left < 0 or self._bytes_left < 0:
            self._refill()
            if self._frames_left < 0 or self._bytes_left < 0:
                raise TooFast("More frames or bytes per second than a peer may send.")

    def send(self, frame: bytes) -> None:
        """Write a frame now; the peer must not be stalled."""
        if self.closed:
            return  # Closed by the write to another, in the loop that writes to all.
        if not self.wire.write(frame):
            self._stall()

    def send_update(self, frame: bytes, update: bytes, state_before: bytes) -> None:
        """Write an update, or hold it back while the peer does not read."""
        if not self.stalled:
            self.send(frame)
        else:
            self._box().add_update(update, state_before)
            self.check_stall()

    def send_presence(self, frame: bytes, clients: set[int]) -> None:
        if not self.stalled:
            self.send(frame)
        else:
            self._box().add_presence(clients)
            self.check_stall()

    def answer(self, state_vector: bytes) -> None:
        """Send, as step 2, what a peer with this (checked) state vector lacks.

        Raises:
            TooFast: the answers are more bytes than a peer may send; a question is cheap to ask.
            UpdateRejected: the replica is broken.
        """
        if self.stalled:
            self._box().add_question(state_vector)
            return
        frame = self.room.step2(state_vector)
        self.charge(len(frame))
        if len(frame) >= LARGE_BYTES and self.room.turns.full:
            self._stall()
            # It waits for others, not we for it.
            self._stalled_at = math.inf
            self._box().add_question(state_vector)
            self.room.turns.wait(self)
        else:
            self._send_whole(frame)

    def _send_whole(self, frame: bytes) -> None:
        """Write a frame that may be large, and note that it is on its way."""
        self.send(frame)
        if len(frame) < LARGE_BYTES or self.closed:
            return
        if not self.stalled:
            # Some servers take any frame, and have the next one wait until it is through.
            self.send(KEEP_ALIVE)
        if self.stalled and not self.closed:
            self.room.turns.begin(self)
            # So much takes its time on a line that is slow, and still read.
            self._stalled_at += len(frame) / _SLOW_LINE_BYTES_PER_S

    def ack(self, count: int) -> None:
        """Say that the first `count` content frames of this connection are durable."""
        if count <= self.acked or self.closed:
            return
        self.acked = count
        if not self.acks:
            return
        if not self.stalled:
            self.send(protocol.encode_ack(count))
        else:
            self._box().add_ack(count)

    def drained(self) -> None:
        """Go on: the wire has written what it held. Sends what was held back, merged."""
        self.stalled = False
        self.room.turns.end(self)
        box = self.outbox
        while box and not self.stalled and not self.closed:
            try:
                frame = box.take(self.room)
            except UpdateRejected:
                self.room.restart()  # The replica cannot be encoded.
                return
            if frame is None:
                break
            self._send_whole(frame)
        self._tell_right()
        if not box:
            self.outbox = None

    def allow(self, *, may_write: bool) -> None:
        """Take or give the right to write, on the open socket."""
        if may_write == self.may_write or self.closed:
            return
        self.may_write = may_write
        self._right_untold = True
        self._tell_right()

    def _tell_right(self) -> None:
        """Say that it may not write any more, or ask for what it has, once it reads."""
        if self._right_untold and not self.stalled:
            self._right_untold = False
            self.send(self.room.step1() if self.may_write else DENIED)

    def close(self, code: int, reason: str) -> None:
        """Close the socket; the room forgets the peer at once."""
        if not self.closed:
            self.room.leave(self)
            self.wire.close(code, reason)

    def _stall(self) -> None:
        self.stalled = True
        self._stalled_at = self.room.clock.now()

    def _box(self) -> Outbox:
        if self.outbox is None:
            limits = self.room.limits
            self.outbox = Outbox(max_bytes=limits.outbox_bytes, max_updates=limits.outbox_updates)
        return self.outbox

    def check_stall(self) -> None:
        """Close the (stalled) peer if it missed too much, or has not read for too long."""
        limits = self.room.limits
        stalled_s = self.room.clock.now() - self._stalled_at
        missed_bytes = 0 if self.outbox is None else self.outbox.missed_bytes
        if missed_bytes > limits.outbox_overflow_bytes or stalled_s > limits.stall_s:
            self.room.meter.overflowed()
            self.close(CloseCode.OVERLOAD, "This connection does not keep up; come back.")

    def _refill(self) -> None:
        limits = self.room.limits
        now = self.room.clock.now()
        passed, self._filled_at = now - self._filled_at, now
        burst = limits.rate_burst_s
        frames, size = limits.rate_frames_per_s, limits.rate_bytes_per_s
        self._frames_left = min(frames * burst, self._frames_left + frames * passed)
        self._bytes_left = min(size * burst, self._bytes_left + size * passed)
