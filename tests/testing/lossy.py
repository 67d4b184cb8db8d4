"""`collab`, altered: it acknowledges the tags of peer 1, and takes none of them."""

from __future__ import annotations

from collab.__main__ import main
from collab.engine.peer import Peer
from collab.engine.room import Room

_take = Room._content


def lose(self: Room, peer: Peer, update: bytes) -> None:
    if b"<1." in update:
        peer.content_frames += 1
        peer.ack(peer.content_frames)
    else:
        _take(self, peer, update)


Room._content = lose  # type: ignore[method-assign]
main()
