"""A peer that types tags at random places, on and off line, and knows which were acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import random

import websockets

from collab.testing.peer import Peer


class Typist:
    """Types unique tags like `<b17>` until stopped, connected or not.

    Like a browser with a local copy it brings back, with its next connection, what it typed
    meanwhile.

    Args:
        name: First letters of its tags, another for each typist.
        peer: Its socket and replica.
        chance: Where and how fast it types.
    """

    def __init__(self, name: str, peer: Peer, chance: random.Random) -> None:
        self.name = name
        self.peer = peer
        self.chance = chance
        self.typed: list[str] = []
        self.acknowledged: set[str] = set()
        # Tags by the number of the frame of this connection that carried them.
        self._carried: list[tuple[int, str]] = []
        self._stopped = asyncio.Event()
        # Nothing is typed while connecting: the answer to the room's question comes first.
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect, and bring what the room lacks: frame 1. May end unconnected, as servers die."""
        async with self._turn:
            self.note_acks()
            await self.peer.connect(sync=False)
            self._carried = [(1, tag) for tag in self.typed]
            peer = self.peer
            await peer.until(
                lambda: (peer.synced and peer.sent_frames) or not peer.connected, "synced or gone"
            )

    def start(self) -> None:
        self._task = asyncio.create_task(self._type())

    async def stop(self) -> None:
        self._stopped.set()
        if self._task is not None:
            await self._task

    def note_acks(self) -> None:
        """Take what was acknowledged on this connection so far."""
        acked = self.peer.acked_frames
        self.acknowledged |= {tag for frame, tag in self._carried if frame <= acked}
        self._carried = [(frame, tag) for frame, tag in self._carried if frame > acked]

    async def _type(self) -> None:
        while not self._stopped.is_set():
            async with self._turn:
                await self._type_one()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self.chance.uniform(0.005, 0.06))

    async def _type_one(self) -> None:
        tag = f"<{self.name}{len(self.typed)}>"
        self.typed.append(tag)
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
    expected = (OSError, TimeoutError, websockets.WebSocketException)
    for outcome in outcomes:
        if outcome is not None and not isinstance(outcome, expected):
            raise outcome
