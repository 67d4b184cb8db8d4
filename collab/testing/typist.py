"""A peer that types tags at random places, on and off line, and knows which were acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from functools import partial

import websockets

from collab.testing.peer import Peer

GONE = (OSError, TimeoutError, websockets.WebSocketException)
"""What connecting raises while a server is away."""

# As y-websocket, which waits 0.1 s the first time, and gives up on a connection that brings
# nothing for 30 s.
_COME_BACK_S = (0.1, 0.5)
_SILENT_S = 30.0


class Typist:
    """Types unique tags like `<b17>` until stopped, connected or not.

    Like a browser with a local copy it brings back, with its next connection, what it typed
    meanwhile.

    Args:
        name: First letters of its tags, another for each typist.
        peer: Its socket and replica.
        chance: Where and how fast it types.
        rest_s: Shortest and longest rest between two tags.
    """

    def __init__(
        self,
        name: str,
        peer: Peer,
        chance: random.Random,
        rest_s: tuple[float, float] = (0.005, 0.06),
    ) -> None:
        self.name = name
        self.peer = peer
        self.chance = chance
        self.rest_s = rest_s
        self.typed: list[str] = []
        self.acknowledged: set[str] = set()
        self.longest_unsaved_s = 0.0
        self.connections = 0
        self._typed_at: dict[str, float] = {}
        # Tags by the number of the frame of this connection that carried them.
        self._carried: list[tuple[int, str]] = []
        self._stopped = asyncio.Event()
        # Nothing is typed while connecting: the answer to the room's question comes first.
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._staying: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect, and bring what the room lacks: frame 1. May end unconnected, as servers die."""
        async with self._turn:
            self.note_acks()
            await self.peer.connect(sync=False)
            self.connections += 1
            self._carried = [(1, tag) for tag in self.typed]
            peer = self.peer
            await peer.until(
                lambda: (peer.synced and peer.sent_frames) or not peer.connected, "synced or gone"
            )

    def start(self) -> None:
        """Type from now on, until `stop`."""
        self._stopped.clear()
        self._task = asyncio.create_task(self._type())

    async def stop(self) -> None:
        """Stop typing."""
        self._stopped.set()
        if self._task is not None:
            await self._task

    def stay(self) -> None:
        """Connect, and come back whenever the connection ends, as a browser does; until `leave`."""
        self._staying = asyncio.create_task(self._stay())

    async def until_in(self) -> None:
        """Wait until it has what the room holds."""
        await self.peer.until(lambda: self.peer.synced, "being in")

    async def leave(self) -> None:
        """Stop typing, and disconnect."""
        await self.stop()
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.wait([self._staying])
        await self.peer.close()

    def note_acks(self) -> None:
        """Take what was acknowledged on this connection so far."""
        acked, now = self.peer.acked_frames, time.monotonic()
        for frame, tag in self._carried:
            if frame <= acked and tag not in self.acknowledged:
                self.acknowledged.add(tag)
                waited_s = now - self._typed_at.pop(tag)
                self.longest_unsaved_s = max(self.longest_unsaved_s, waited_s)
        self._carried = [(frame, tag) for frame, tag in self._carried if frame > acked]

    async def _stay(self) -> None:
        while True:
            try:
                await self.connect()
                while not self._gone():
                    heard = len(self.peer.frames)
                    await self.peer.until(partial(self._has_news, heard), "a frame", _SILENT_S)
            except GONE:
                await self.peer.cut()
            await asyncio.sleep(self.chance.uniform(*_COME_BACK_S))

    def _gone(self) -> bool:
        self.note_acks()
        return not self.peer.connected

    def _has_news(self, heard: int) -> bool:
        return len(self.peer.frames) > heard or self._gone()

    async def _type(self) -> None:
        while not self._stopped.is_set():
            async with self._turn:
                await self._type_one()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self.chance.uniform(*self.rest_s))

    async def _type_one(self) -> None:
        tag = f"<{self.name}{len(self.typed)}>"
        self.typed.append(tag)
        self._typed_at[tag] = time.monotonic()
        text = self.peer.text
        text.insert(self._gap(str(text)), tag)
        if self.peer.connected:
            self._carried.append((self.peer.sent_frames + 1, tag))
            await self.peer.flush()

    def _gap(self, text: str) -> int:
        """Choose a place between two tags, so that no tag is cut by another."""
        at = text.find("<", self.chance.randrange(len(text) + 1))
        return len(text) if at < 0 else at


async def reconnect(typists: list[Typist]) -> None:
    """Connect those that are not; each may fail, as its server may be killed meanwhile."""
    gone = [typist for typist in typists if not typist.peer.connected]
    outcomes = await asyncio.gather(*(one.connect() for one in gone), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None and not isinstance(outcome, GONE):
            raise outcome
