"""What comes in on one socket of Daphne's, in order and bounded."""

from __future__ import annotations

from typing import Any

from collab.site.websocket import Inbox


def frame(data: bytes) -> dict[str, Any]:
    return {"type": "websocket.receive", "bytes": data}


async def test_frames_that_wait_come_before_those_that_are_handed_over() -> None:
    """What was read before somebody took frames as they are read is taken before the rest."""
    inbox, taken = Inbox(None), list[bytes]()
    inbox.put_nowait(frame(b"first"))
    inbox.hand_to(taken.append)
    inbox.put_nowait(frame(b"second"))
    assert taken == []
    assert [(await inbox.get())["bytes"] for _ in range(2)] == [b"first", b"second"]
    inbox.put_nowait(frame(b"third"))
    assert taken == [b"third"]


async def test_what_is_no_binary_frame_is_not_handed_over() -> None:
    """Text and the end are events, and a frame after them does not overtake them."""
    inbox, taken = Inbox(None), list[bytes]()
    inbox.hand_to(taken.append)
    inbox.put_nowait({"type": "websocket.receive", "text": "words"})
    inbox.put_nowait(frame(b"after"))
    inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
    assert taken == []
    events = [await inbox.get() for _ in range(3)]
    assert [event["type"].rpartition(".")[2] for event in events] == [
        "receive", "receive", "disconnect",
    ]  # fmt: skip
    assert events[1]["bytes"] == b"after"


async def test_nothing_is_handed_over_to_who_left() -> None:
    """A socket that ends takes no frame any more."""
    inbox, taken = Inbox(None), list[bytes]()
    inbox.hand_to(taken.append)
    inbox.hand_to(None)
    inbox.put_nowait(frame(b"late"))
    assert taken == []
