"""Edits that no socket sends: from the API, a page, a command or a host project's code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from collab import announce, conf, log
from collab.engine.ports import Batch, Write
from collab.engine.replica import Replica, replay

Change = Callable[[bytes], bytes | None]
"""From a room's whole state to an edit of it, both Yjs V1 updates; None changes nothing."""


def state_of(room_id: int) -> bytes:
    """Return all that is stored of a room, as one Yjs V1 update.

    Raises:
        NoSuchRoom: there is none.
        UpdateRejected: the rows cannot be read.
    """
    return _replica(room_id)[0].encode()


def state_and_seq_of(room_id: int) -> tuple[bytes, int]:
    """Return what `state_of` does, and the seq of the last row in it. Raises as that."""
    replica, _epoch, seq = _replica(room_id)
    return replica.encode(), seq


def edit(room_id: int, author_id: Any, change: Change) -> int:
    """Append an edit to a room's log and tell the processes that have it open.

    The edit is made against what is stored; what others type meanwhile merges with it, as between
    any two replicas. Runs on any thread, and in a transaction of its own: not inside another.

    Args:
        room_id: The room.
        author_id: Whose edit it is: a user's primary key, or None.
        change: Makes the edit.

    Returns:
        The seq of the edit, or of the last row if there was nothing to change.

    Raises:
        NoSuchRoom, EpochChanged: the room is gone, or was reset meanwhile.
        UpdateRejected: the edit is none that the room may take.
    """
    replica, epoch, seq = _replica(room_id)
    update = change(replica.encode())
    if update is None:
        return seq
    if replica.apply(update) is None:
        return seq
    (answer,) = log.append([Batch(room_id, epoch, [Write(author_id, update)])], DEFAULT_DB_ALIAS)
    if isinstance(answer, Exception):
        raise answer
    event: dict[str, Any] = {
        "event": "rows", "epoch": epoch, "first": answer.first, "last": answer.last,
    }  # fmt: skip
    if len(update) <= conf.get("RELAY_UPDATE_BYTES"):
        event["updates"] = [update]
    announce.to_room(room_id, event)
    return answer.last


def _replica(room_id: int) -> tuple[Replica, int, int]:
    loaded = log.load(room_id)
    return replay(loaded, conf.room_limits().update), loaded.head.epoch, loaded.last
