"""Large answers on their way to peers: a few at once, the others wait for their turn.

A server may have to copy a frame that the network does not take at once. A hundred and fifty who
join a document of 4 MB at one moment would take hundreds of megabytes; in turns the first have it
long before the last, and the last no later.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from collab.engine.peer import Peer
    from collab.engine.ports import Clock

logger = logging.getLogger(__name__)

LARGE_BYTES = 512 * 2**10
_AT_ONCE = 16
# Who reads slowly must not hold up the others: after this long the next may begin.
_PATIENCE_S = 0.5


class Turns:
    """Of one process: who is being sent a large answer, and who waits to be."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sending: dict[Peer, asyncio.TimerHandle] = {}
        self._waiting: dict[Peer, None] = {}
        self._serving: asyncio.TimerHandle | None = None

    @property
    def full(self) -> bool:
        """Whether a large answer has to wait."""
        return len(self._sending) >= _AT_ONCE

    def wait(self, peer: Peer) -> None:
        """Have `peer.drained` called when its turn comes."""
        self._waiting[peer] = None

    def begin(self, peer: Peer) -> None:
        """Note that a large answer to this peer is on its way: until `end`, or for some time."""
        if (timer := self._sending.pop(peer, None)) is not None:
            timer.cancel()
        self._sending[peer] = self._clock.call_later(_PATIENCE_S, partial(self.end, peer))

    def end(self, peer: Peer) -> None:
        """Let the next begin: the peer has its answer, or is gone. Does nothing for others."""
        self._waiting.pop(peer, None)
        timer = self._sending.pop(peer, None)
        if timer is not None:
            timer.cancel()
        if not self._waiting:
            self._serve_later(False)
        elif not self.full:
            self._serve_later(True)

    def _serve_later(self, wanted: bool) -> None:
        """Serve on the next turn of the loop: all may be leaving just now, one after the other."""
        if wanted and self._serving is None:
            self._serving = self._clock.call_later(0, self._serve)
        elif not wanted and self._serving is not None:
            self._serving.cancel()
            self._serving = None

    def _serve(self) -> None:
        self._serving = None
        while self._waiting and not self.full:
            following = next(iter(self._waiting))
            del self._waiting[following]
            try:
                following.drained()
            except Exception:
                logger.exception("A peer of room %s cannot be answered", following.room.key)
