"""A cluster in one thread: processes, pages, a log, a relay, and what goes wrong among them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pycrdt

from collab.engine.errors import CollabError
from collab.engine.limits import RoomLimits
from collab.engine.memory import MemoryLog
from collab.engine.ports import Batch, Loaded, Write
from collab.engine.replica import replay
from collab.engine.room import RoomKind
from tests.convergence import checks
from tests.convergence.content import Roots, content, restore, tag, tags_in
from tests.convergence.page import Page
from tests.convergence.points import watching_loop
from tests.convergence.ports import OK, Bus, Weather
from tests.convergence.process import Process
from tests.convergence.socket import Socket

T = TypeVar("T")

DOCUMENT, LAYOUT, SPARE = 1, 2, 3
ROOMS = (DOCUMENT, LAYOUT)
# So low that a few edits reach them.
LIMITS = RoomLimits(
    outbox_bytes=120, outbox_updates=3, outbox_overflow_bytes=250, stall_s=8,
    unsaved_bytes=1500, commit_retry_max_s=0.4, row_bytes=500, relay_update_bytes=600,
    idle_s=1, open_rooms=2, peers_per_room=4, compact_rows=5, compact_rows_on_close=3,
    presence_bytes_per_s=3200,
)  # fmt: skip


class Cluster:
    """Processes on one log and one bus, and pages on them."""

    def __init__(self, processes: int) -> None:
        self.loop = watching_loop()
        self.watch = checks.Watch(self)
        self.loop.set_exception_handler(self.watch.failed)
        self.limits = LIMITS
        self.store = MemoryLog()
        for key in (*ROOMS, SPARE):
            self.store.create(key)
        self.weather = Weather()
        self.bus = Bus(self.loop, self.weather)
        self.processes: list[Process] = []
        self.ended: list[Process] = []
        self.pages: list[Page] = []
        # Acknowledged to somebody who is no page any more, or never was.
        self.acknowledged: dict[int, set[str]] = {key: set() for key in ROOMS}
        self._numbers = 0
        self.do(self._start, processes)

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        """Run the cluster until a coroutine is through."""
        return self.loop.run_until_complete(what)

    def do(self, call: Callable[..., object], *args: Any, wait_s: float = 0) -> None:
        """Make a call on the loop, and let some seconds pass."""

        async def done() -> None:
            call(*args)
            await asyncio.sleep(wait_s)

        self.run(done())

    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def _start(self, processes: int) -> None:
        for _ in range(processes):
            self.processes.append(self._process())

    # Processes

    def process(self, number: int) -> Process:
        return self.processes[number % len(self.processes)]

    def _process(self) -> Process:
        return Process(self, f"p{self._number()}")

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def died(self, process: Process) -> None:
        """Start another process in the place of a dead one."""
        self.ended.append(process)
        self.processes[self.processes.index(process)] = self._process()

    async def redeploy(self, process: Process, timeout_s: float) -> None:
        """Stop a process, and start another in its place."""
        await process.stop(timeout_s)
        if process in self.processes:
            self.died(process)

    def check_ended(self, process: Process) -> None:
        self.watch.ended(process)

    # Pages

    def open(self, key: int) -> Page:
        number = self._number()
        page = Page(self, f"t{number}", number, key)
        self.pages.append(page)
        return page

    def close(self, page: Page) -> None:
        """Close a tab for good; what was acknowledged to it must stay."""
        page.close()
        self.pages.remove(page)
        self.acknowledged[page.key] |= page.acknowledged

    def replace(self, page: Page) -> None:
        """Close a tab, and open another of the same room in its place."""
        at = self.pages.index(page)
        self.close(page)
        self.pages.insert(at, self.open(page.key))
        self.pages.pop()
        self.pages[at].move(page.home)

    def connect(self, page: Page, process: Process) -> Socket:
        return Socket(page, process)

    def point(self) -> None:
        """Move everybody's cursor."""
        for page in self.pages:
            page.point()

    # Edits without a page

    def submit(self, process: Process, key: int) -> None:
        """Have a process take an edit that no socket brought."""
        process.spawn(self._submit(process, key))

    def visit(self, process: Process, key: int) -> None:
        """Have a process open a room, and let it go."""
        process.spawn(self._visit(process, key))

    async def _visit(self, process: Process, key: int) -> None:
        try:
            room = await process.registry.lease(key, RoomKind())
        except CollabError:
            return
        process.registry.release(room)

    async def _submit(self, process: Process, key: int) -> None:
        registry = process.registry
        try:
            room = await registry.lease(key, RoomKind())
        except CollabError:
            return
        try:
            name, update = self._edit(key, room.replica.encode(), lambda doc: None)
            await room.submit("api", update)
        except CollabError:
            return
        finally:
            registry.release(room)
        if not process.dead:
            self.acknowledged[key].add(name)

    def restore(self, key: int, seq: int) -> None:
        """Make a room what it was after a row, as an edit made beside all processes."""
        stored = self.store.rooms[key]
        if not stored.rows:
            return
        then = content(self.replayed(key, max(seq, stored.floor)).doc)
        state = self.replayed(key).encode()
        name, update = self._edit(key, state, lambda doc: restore(doc, then))
        batch = Batch(key, stored.epoch, [Write("restorer", update)])
        answer: Any = self.store._append(batch)
        self.acknowledged[key].add(name)
        event: dict[str, Any] = {"event": "rows", "epoch": stored.epoch}
        event |= {"first": answer.first, "last": answer.last, "updates": [update]}
        self.bus.send("command", key, event)

    def _edit(self, key: int, state: bytes, change: Callable[[Any], None]) -> tuple[str, bytes]:
        """Make an edit of a state. Returns its tag and the update."""
        number = self._number()
        doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=number)
        doc.apply_update(state)
        before = doc.get_state()
        name = tag("api", number)
        with doc.transaction():
            change(doc)
            Roots(doc).ledger.append(name)
        update = doc.get_update(before)
        self.watch.taken(update)
        return name, update

    # The log

    def replayed(self, key: int, seq: int = 2**62) -> Any:
        """Replay the rows up to a seq."""
        stored = self.store.rooms[key]
        rows = [row for row in stored.after(0) if row.seq <= seq]
        return replay(Loaded(None, None, 0, rows), self.limits.update)  # type: ignore[arg-type]

    def loaded(self, key: int) -> Any:
        """Make a replica as a process does that opens the room."""
        loading = self.run(self.store.load(key))
        return replay(loading, self.limits.update)

    def stored_tags(self, key: int) -> set[str]:
        return set().union(*(tags_in(update) for _, update in self.store.rooms[key].rows))

    # Trouble and its end

    def _calm(self) -> None:
        """End all trouble."""
        self.weather.log, self.weather.relay = [OK], [OK]
        self.bus.parted.clear()
        for process in self.processes:
            process.log.cut_off = False
            process.doom = None
            for socket in list(process.sockets):
                socket.drain()

    def calm_down(self) -> None:
        """End all trouble, let the cluster come to rest without anybody's help, and look at it."""
        self.do(self._calm, wait_s=15)
        checks.agree(self)

    def settle(self) -> None:
        """Come to rest, have everybody come back, and look at everything."""
        self.calm_down()
        self.do(self._return, wait_s=10)
        checks.agree(self)
        checks.complete(self)

    def _return(self) -> None:
        for page in self.pages:
            page.scattered = False
            if page.socket is None or page.socket.scattered:
                page.connect(self.process(page.home))

    def end(self) -> None:
        """Stop all processes, and see that nothing is left of them."""
        for page in self.pages:
            page.online = False
        for process in self.processes:
            self.run(process.stop(10))
        self.wait(20)
        checks.nothing_left(self)

    def close_loop(self) -> None:
        for page in list(self.pages):
            page.close()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.wait(0)
        self.loop.close()
