"""What engine tests are made of: wires that remember, pages with a real CRDT, processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pycrdt

from collab.engine import protocol
from collab.engine.limits import RoomLimits
from collab.engine.memory import MemoryBus, MemoryLog, MemoryRelay
from collab.engine.peer import Peer, Person
from collab.engine.ports import Author, LoopClock
from collab.engine.protocol import Kind, State
from collab.engine.registry import Registry
from collab.engine.room import Room, RoomKind
from collab.engine.varint import decode_varuint

KEY = 1
ROOT = "body"


class Wire:
    """A socket that takes what is written and remembers it.

    Set `blocked` to have it say that its buffer is full.
    """

    def __init__(self, heard: Callable[[bytes], None] = lambda frame: None) -> None:
        self.frames: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.blocked = False
        self._heard = heard

    def write(self, frame: bytes) -> bool:
        if self.closed is not None:
            raise AssertionError("A frame was written after the close.")
        self.frames.append(frame)
        self._heard(frame)
        return not self.blocked

    def close(self, code: int, reason: str) -> None:
        if self.closed is not None:
            raise AssertionError("A wire was closed twice.")
        self.closed = (code, reason)

    @property
    def code(self) -> int | None:
        """The close code, None while it is open."""
        return None if self.closed is None else self.closed[0]

    def payloads(self, kind: Kind) -> list[bytes]:
        """Return the payloads of this kind that were written, oldest first."""
        return [payload for got, payload in map(parse, self.frames) if got is kind]

    @property
    def acks(self) -> list[int]:
        return [decode_varuint(payload, 0)[0] for payload in self.payloads(Kind.ACK)]


def parse(frame: bytes) -> tuple[Kind, bytes]:
    """Split a frame of a server; a peer's grammar has neither acks nor denials."""
    if frame[0] == 8:
        return Kind.ACK, frame[1:]
    if frame[:2] == b"\x02\x00":
        return Kind.DENIED, frame[3:]
    return protocol.decode(frame)


class Page:
    """A browser's page: its own CRDT, edits that it sends, and what it hears."""

    def __init__(self, client: int | None = None, *, stored: bytes | None = None) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client) if client else pycrdt.Doc()
        if stored is not None:
            self.doc.apply_update(stored)
        self.body = self.doc.get(ROOT, type=pycrdt.Text)
        self.wire = Wire(self._hear)
        self.peer: Peer | None = None
        self.sent = 0
        self.acked = 0

    @property
    def text(self) -> str:
        return str(self.body)

    @contextmanager
    def change(self) -> Iterator[list[bytes]]:
        """Collect what is changed inside as one update, without sending it."""
        before = self.doc.get_state()
        made: list[bytes] = []
        with self.doc.transaction():
            yield made
        made.append(self.doc.get_update(before))

    def edit(self, at: int, insert: str = "", delete: int = 0) -> bytes:
        """Change the text, and return the update (not sent)."""
        with self.change() as made:
            if delete:
                del self.body[at : at + delete]
            if insert:
                self.body.insert(at, insert)
        return made[0]

    def write(self, text: str) -> bytes:
        """Append text; returns the update (not sent)."""
        return self.edit(len(self.text), text)

    def type(self, text: str) -> bytes:
        """Append text and send the update."""
        update = self.write(text)
        self.send(update)
        return update

    def send(self, update: bytes, kind: Kind = Kind.UPDATE) -> None:
        self.sent += 1
        self.receive(protocol.encode(kind, update))

    def receive(self, frame: bytes) -> None:
        """Hand a frame of this page to the room."""
        if self.peer is not None:
            self.peer.receive(frame)

    def point(self, clock: int, state: dict[str, Any] | None, client: int | None = None) -> None:
        """Send a presence state."""
        states = [State(client or self.doc.client_id, clock, json.dumps(state).encode())]
        self.receive(protocol.encode(Kind.AWARENESS, protocol.encode_states(states)))

    def join(
        self,
        room: Room,
        *,
        author: Author = "ann",
        person: Person | None = None,
        may_write: bool = True,
        acks: bool = True,
        sync: bool = True,
    ) -> Page:
        """Connect as y-websocket does: step 1 at once, step 2 as the answer to the room's."""
        self.wire = Wire(self._hear)
        self.sent = self.acked = 0
        # The room writes before `join` returns the peer: y-websocket reads it afterwards, too.
        asked: list[bytes] = []
        self._asked = asked
        self.peer = room.join(
            self.wire, author=author, person=person, may_write=may_write, acks=acks
        )
        if sync:
            self.receive(protocol.encode(Kind.STEP1, self.doc.get_state()))
            for state_vector in asked:
                self.send(self.doc.get_update(state_vector), Kind.STEP2)
        return self

    def leave(self) -> None:
        if self.peer is not None:
            self.peer.room.leave(self.peer)
            self.peer = None

    def presence(self) -> dict[int, tuple[int, Any]]:
        """Return the last (clock, state) of each client that this page was sent."""
        known: dict[int, tuple[int, Any]] = {}
        for payload in self.wire.payloads(Kind.AWARENESS):
            for state in protocol.decode_states(payload, max_states=10_000):
                known[state.client] = (state.clock, json.loads(state.json))
        return known

    def _hear(self, frame: bytes) -> None:
        kind, payload = parse(frame)
        if kind is Kind.STEP2 or kind is Kind.UPDATE:
            self.doc.apply_update(payload)
        elif kind is Kind.STEP1:
            self._asked.append(payload)
        elif kind is Kind.ACK:
            self.acked = decode_varuint(payload, 0)[0]


class Gate:
    """A log whose commits can be held, failed and watched.

    `closed` holds every commit until `open`; `loads` and `appends` say how often each was asked.
    """

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.loads = 0
        self.batches: list[list[int]] = []
        self.reads = 0
        self._through = asyncio.Event()
        self._through.set()
        self.waiting = asyncio.Event()

    def shut(self) -> None:
        self._through.clear()
        self.waiting.clear()

    def open(self) -> None:
        self._through.set()

    async def load(self, key: int, **options: Any) -> Any:
        self.loads += 1
        return await self.log.load(key, **options)

    async def append(self, batches: Any) -> Any:
        self.waiting.set()
        await self._through.wait()
        answers = await self.log.append(batches)
        self.batches.append([batch.key for batch in batches])
        return answers

    async def read(self, key: int, after: int) -> Any:
        self.reads += 1
        return await self.log.read(key, after)

    async def heads(self, keys: Any) -> Any:
        return await self.log.heads(keys)

    async def compact(self, key: int) -> bool:
        return await self.log.compact(key)


class World:
    """Processes on one log and one bus. `limits` may be replaced before a process is made."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.log.create(KEY)
        self.bus = MemoryBus()
        self.gate = Gate(self.log)
        self.limits = RoomLimits()
        self.registries: list[Registry] = []

    def limit(self, **bounds: Any) -> None:
        self.limits = replace(self.limits, **bounds)

    def process(self, meter: Any = None) -> Registry:
        """Start one more process."""
        relay = MemoryRelay(self.bus, f"p{len(self.registries)}")
        registry = Registry(self.gate, relay, LoopClock(), self.limits, meter)
        relay.receive = registry.hear
        registry.start()
        self.registries.append(registry)
        return registry

    async def room(self, key: int = KEY, kind: RoomKind | None = None) -> Room:
        """Lease a room of the first process, which is started if there is none."""
        registry = self.registries[0] if self.registries else self.process()
        return await registry.lease(key, kind or RoomKind())

    async def saved(self) -> None:
        """Wait until no process has anything unsaved, at most an hour of virtual time."""
        async with asyncio.timeout(3600):
            for registry in self.registries:
                await registry.journal.flush()

    def stored(self, key: int = KEY) -> str:
        """Return the text that a replay of the log gives."""
        page = Page()
        for _, update in self.log.rooms[key].rows:
            page.doc.apply_update(update)
        return page.text

    async def stop(self) -> None:
        for registry in self.registries:
            if not registry.stopping:
                await registry.stop(60)


async def passes(seconds: float) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(seconds)


async def settled() -> None:
    """Let everything run that is ready now, without time passing."""
    for _ in range(20):
        await asyncio.sleep(0)
