"""Two processes, a log that fails, a relay that loses, doubles and reorders, processes that die.

Whatever happens, seeded and in virtual time: all copies end equal, and an edit that was
acknowledged is in the log from that moment on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pycrdt
import pytest

from collab.engine import protocol
from collab.engine.errors import LogUnavailable, Overloaded
from collab.engine.memory import MemoryRelay
from collab.engine.ports import Appended, Batch
from collab.engine.protocol import Kind
from collab.engine.registry import Registry
from collab.engine.room import RoomKind
from tests.engine.world import KEY, Page, World

PAGES = 5
STEPS = 250


class Writer(Page):
    """A page that names each of its edits, and knows which of them were acknowledged."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.edits: pycrdt.Map[Any] = self.doc.get("edits", type=pycrdt.Map)
        self.made: list[str] = []
        # By content frame of this connection: how many of `made` are durable with it.
        self.covers: list[int] = []
        self.durable = 0

    def scribble(self, chance: random.Random) -> None:
        """Insert or delete some text anywhere, under a name of its own."""
        edit = f"{self.name}{len(self.made)}"
        with self.change() as made:
            size = len(self.text)
            if size and chance.random() < 0.4:
                at = chance.randrange(size)
                del self.body[at : min(size, at + chance.randrange(1, 6))]
            else:
                self.body.insert(chance.randrange(size + 1), edit)
            self.edits[edit] = True
        self.made.append(edit)
        self.send(made[0])

    def send(self, update: bytes, kind: Kind = Kind.UPDATE) -> None:
        self.covers.append(len(self.made))
        super().send(update, kind)

    def connect(self, room: Any) -> None:
        self.covers = []
        self.join(room, author=self.name)

    @property
    def acknowledged(self) -> list[str]:
        if self.acked:
            self.durable = max(self.durable, self.covers[self.acked - 1])
        return self.made[: self.durable]


class Storm:
    """Everything that goes wrong, from one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World()
        self.world.limit(
            outbox_bytes=300, outbox_updates=4, outbox_overflow_bytes=20_000, idle_s=1, stall_s=5,
            relay_update_bytes=2000, compact_rows=20, commit_retry_max_s=0.2, row_bytes=500,
        )  # fmt: skip
        self.world.bus.lose = self.lose
        self.append = self.world.log.append
        self.world.log.append = self.unsure  # type: ignore[method-assign]
        self.calm = False
        self.processes: list[Registry] = [self.world.process(), self.world.process()]
        self.writers = [Writer(name) for name in "abcde"[:PAGES]]
        self.leases: dict[Writer, tuple[Registry, Any]] = {}

    def lose(self, process: str, key: int, event: dict[str, Any]) -> bool:
        """Lose some events, and have others come late, or twice."""
        fate = 1.0 if self.calm else self.chance.random()
        if 0.2 < fate < 0.4:
            loop = asyncio.get_running_loop()
            for relay in self.world.bus.relays:
                if relay._process != process and key in relay._keys:
                    delay_s = self.chance.choice([0.01, 0.1, 0.5])
                    loop.call_later(delay_s, relay.receive, process, key, event)
        return fate < 0.3

    async def unsure(self, batches: Sequence[Batch]) -> list[Appended | Exception]:
        """Fail some commits, before or after they were made."""
        await asyncio.sleep(self.chance.choice([0, 0.001, 0.05]))
        fate = 1.0 if self.calm else self.chance.random()
        if fate < 0.15:
            raise LogUnavailable("before")
        answers = await self.append(batches)
        if fate < 0.3:
            raise LogUnavailable("after")
        return answers

    async def connect(self, writer: Writer) -> None:
        """Join one of the processes; leave the room that it was in."""
        self.disconnect(writer)
        registry = self.chance.choice(self.processes)
        try:
            room = await registry.lease(KEY, RoomKind())
            self.leases[writer] = (registry, room)
            writer.connect(room)
        except (Overloaded, LogUnavailable):
            return

    def disconnect(self, writer: Writer) -> None:
        writer.leave()
        if writer in self.leases:
            registry, room = self.leases.pop(writer)
            registry.release(room)

    async def crash(self) -> None:
        """Kill a process: what it had not committed is gone, and its peers come back elsewhere."""
        registry = self.processes.pop(self.chance.randrange(len(self.processes)))
        self.world.registries.remove(registry)
        assert isinstance(registry.relay, MemoryRelay)
        self.world.bus.relays.remove(registry.relay)
        registry.relay.receive = lambda *_: None
        registry.relay.publish = lambda *_: None  # type: ignore[method-assign]
        tasks = [*registry._tasks, *registry._opening.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.processes.append(self.world.process())
        for writer, (where, _) in list(self.leases.items()):
            if where is registry:
                writer.peer = None
                del self.leases[writer]

    async def step(self) -> None:
        chance = self.chance
        writer = chance.choice(self.writers)
        fate = chance.random()
        if fate < 0.02:
            await self.crash()
        elif fate < 0.04:
            stopped = self.processes.pop()
            await stopped.stop(1)
            self.world.registries.remove(stopped)
            self.processes.append(self.world.process())
        elif fate < 0.10:
            await self.connect(writer)
        elif fate < 0.14:
            self.disconnect(writer)
        elif fate < 0.20:
            writer.wire.blocked = True
        elif fate < 0.28:
            self.unblock(writer)
        elif fate < 0.32 and writer.peer is not None:
            writer.receive(protocol.encode(Kind.STEP1, writer.doc.get_state()))
        else:
            writer.scribble(chance)
        await asyncio.sleep(chance.choice([0, 0, 0.002, 0.02, 0.3]))

    def unblock(self, writer: Writer) -> None:
        writer.wire.blocked = False
        if writer.peer is not None and not writer.peer.closed:
            writer.peer.drained()

    def replayed(self) -> Writer:
        """Return a page with what the log holds, row by row."""
        page = Writer("log")
        rows = [update for _, update in self.world.log.rooms[KEY].rows]
        if rows:
            page.doc.apply_update(pycrdt.merge_updates(*rows))
        return page

    def check_acknowledged(self) -> None:
        stored = set(self.replayed().edits.keys())
        for writer in self.writers:
            assert set(writer.acknowledged) <= stored, "acknowledged, and not in the log"

    async def settle(self) -> None:
        """End the trouble, and have everybody come back."""
        self.calm = True
        for writer in self.writers:
            self.unblock(writer)
            await self.connect(writer)
            assert writer.peer is not None
        await asyncio.sleep(8)
        await self.world.saved()


@pytest.mark.parametrize("seed", range(12))
async def test_everything_converges_and_nothing_acknowledged_is_lost(seed: int) -> None:
    """Pages, processes, a fresh page, and a replay of the log end equal; every edit is there."""
    storm = Storm(seed)
    for writer in storm.writers:
        await storm.connect(writer)
    for turn in range(STEPS):
        await storm.step()
        if turn % 25 == 0:
            storm.check_acknowledged()
    await storm.settle()
    storm.check_acknowledged()
    copies = [*storm.writers, storm.replayed()]
    for registry in storm.processes:
        fresh = Writer("fresh")
        fresh.connect(await registry.lease(KEY, RoomKind()))
        copies.append(fresh)
    made = {edit for writer in storm.writers for edit in writer.made}
    assert len(made) > STEPS / 3
    for copy in copies:
        assert set(copy.edits.keys()) == made
        assert copy.text == copies[0].text
    for writer in storm.writers:
        assert writer.acknowledged == writer.made
    await storm.world.stop()
