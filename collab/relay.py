"""The relay over Django Channels' layer: one channel per process, one group per open room."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from channels.layers import InMemoryChannelLayer, get_channel_layer

from collab.engine.ports import EVERYWHERE

logger = logging.getLogger(__name__)

# Events that wait to be sent. They are hints: the oldest is dropped first, the log heals it.
_QUEUE = 1000
_SEND_TIMEOUT_S = 5.0
_RETRY_S = 1.0
_STOP_TIMEOUT_S = 1.0


def group_of(key: int) -> str:
    """Name the channel-layer group of a room."""
    return f"collab.room.{key}"


class LayerRelay:
    """A `Relay` on the project's channel layer, Redis or in-memory.

    Nothing here raises to a room: a lost event, a dead Redis, a group that could not be joined are
    healed by the comparison of heads.

    Args:
        receive: Takes (process, room key, event) from other processes.
    """

    def __init__(self, receive: Callable[[str, int, dict[str, Any]], None]) -> None:
        self.process = uuid4().hex
        self._receive = receive
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._groups: set[int] = {EVERYWHERE}
        self._joined: set[int] = set()
        self._queue: deque[tuple[int, dict[str, Any]]] = deque(maxlen=_QUEUE)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.lost = 0

    def start(self) -> None:
        if self._layer is not None:
            self._tasks = [
                asyncio.create_task(self._hear(), name="relay in"),
                asyncio.create_task(self._tell(), name="relay out"),
            ]

    async def stop(self) -> None:
        """End both tasks, within two seconds also while the layer is away."""
        # Redis's layer answers a cancellation by unsubscribing, which waits for a Redis that is
        # away, and redis-py may swallow one that meets a reply: the second ends both.
        for _ in range(2):
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_STOP_TIMEOUT_S)

    async def subscribe(self, key: int) -> None:
        self._groups.add(key)
        await self._join(key)

    async def unsubscribe(self, key: int) -> None:
        self._groups.discard(key)
        if self._layer is None or self._channel is None or key not in self._joined:
            return
        self._joined.discard(key)
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await self._layer.group_discard(group_of(key), self._channel)
        except Exception as error:
            logger.warning("The channel layer did not let go of a group: %r", error)

    def publish(self, key: int, event: dict[str, Any]) -> None:
        if self._layer is None or self._alone_in(key):
            return
        if len(self._queue) == _QUEUE:
            self.lost += 1
        self._queue.append((key, event))
        self._wake.set()

    def _alone_in(self, key: int) -> bool:
        """Whether nobody else can hear; only a layer in memory tells."""
        if type(self._layer) is not InMemoryChannelLayer:
            return False  # Another that derives from it may reach further.
        channels: dict[str, float] = self._layer.groups.get(group_of(key), {})
        return channels.keys() <= {self._channel}

    async def _join(self, key: int) -> None:
        if self._layer is None or self._channel is None or key in self._joined:
            return
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await self._layer.group_add(group_of(key), self._channel)
            self._joined.add(key)
        except Exception as error:
            # Joined again with the next event that gets through; until then the log is read.
            logger.warning("The channel layer did not take a group: %r", error)

    async def _hear(self) -> None:
        """Take events from the layer until cancelled, through its failures."""
        while True:
            try:
                self._channel = await self._layer.new_channel("collab")
                for key in list(self._groups):
                    await self._join(key)
                while True:
                    message = await self._layer.receive(self._channel)
                    if message["process"] != self.process:
                        self._receive(message["process"], message["room"], message["event"])
            except asyncio.CancelledError:
                raise
            except Exception as error:
                logger.warning("The channel layer is away, trying again: %r", error)
                self._channel = None
                self._joined.clear()
                await asyncio.sleep(_RETRY_S)

    async def _tell(self) -> None:
        """Send events to the layer, one after the other, until cancelled."""
        failing = False
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                key, event = self._queue.popleft()
                message = {
                    "type": "collab.event", "process": self.process, "room": key, "event": event,
                }  # fmt: skip
                try:
                    async with asyncio.timeout(_SEND_TIMEOUT_S):
                        await self._layer.group_send(group_of(key), message)
                    if failing:
                        logger.warning("The channel layer is back")
                        failing = False
                    if len(self._joined) < len(self._groups):
                        for missing in self._groups - self._joined:
                            await self._join(missing)
                except Exception as error:
                    self.lost += 1
                    if not failing:
                        logger.warning("The channel layer is away: %r", error)
                    failing = True
