"""What request and command code tells the live processes, after its transaction committed.

An announcement is a hint like every event of the relay: each process finds what it missed by
comparing with the database (`Room.access` and heads every few seconds, people's accounts and logins
every `collab.watch.EVERY_S`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from collab.engine.ports import EVERYWHERE
from collab.relay import group_of

logger = logging.getLogger(__name__)

# Requests wait for it, and a Redis that hangs, or is tried again and again by its library, would
# hold each of them for many seconds: one waits, and those of the next few seconds tell nobody.
_TIMEOUT_S = 2.0
_PAUSE_S = 3.0
_paused_until = 0.0


def to_room(key: int, event: dict[str, Any], using: str | None = None) -> None:
    """Tell the processes that have a room open, when the transaction on `using` commits."""
    transaction.on_commit(lambda: _send(key, event), using)


def to_everyone(event: dict[str, Any], using: str | None = None) -> None:
    """Tell all processes, when the transaction on `using` commits."""
    transaction.on_commit(lambda: _send(EVERYWHERE, event), using)


def _send(key: int, event: dict[str, Any]) -> None:
    global _paused_until
    layer = get_channel_layer()
    if layer is None or time.monotonic() < _paused_until:
        return
    try:
        async_to_sync(_send_within_time)(layer, key, event)
    except Exception as error:
        # The change itself is committed; processes find it by themselves, only later.
        _paused_until = time.monotonic() + _PAUSE_S
        logger.warning("Not announced to other processes: %r", error)


async def _send_within_time(layer: Any, key: int, event: dict[str, Any]) -> None:
    message = {"type": "collab.event", "process": "", "room": key, "event": event}
    async with asyncio.timeout(_TIMEOUT_S):
        await layer.group_send(group_of(key), message)
