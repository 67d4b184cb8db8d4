"""What request and command code tells the live processes, after its transaction committed.

An announcement is a hint like every event of the relay: each process finds what it missed by
comparing with the database (`Room.access` and heads every few seconds, people's accounts and logins
every `collab.watch.EVERY_S`).
"""

from __future__ import annotations

import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from collab.engine.ports import EVERYWHERE
from collab.relay import group_of

logger = logging.getLogger(__name__)


def to_room(key: int, event: dict[str, Any]) -> None:
    """Tell the processes that have a room open."""
    transaction.on_commit(lambda: _send(key, event))


def to_everyone(event: dict[str, Any]) -> None:
    """Tell all processes."""
    transaction.on_commit(lambda: _send(EVERYWHERE, event))


def _send(key: int, event: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    message = {"type": "collab.event", "process": "", "room": key, "event": event}
    try:
        async_to_sync(layer.group_send)(group_of(key), message)
    except Exception as error:
        # The change itself is committed; processes find it by themselves, only later.
        logger.warning("Not announced to other processes: %r", error)
