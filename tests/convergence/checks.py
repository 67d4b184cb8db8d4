"""What must hold: at every moment, when the cluster has come to rest, and when it has ended."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from collab.engine.journal import ROW_COST
from collab.engine.protocol import Kind
from tests.convergence.content import content
from tests.engine.world import parse

if TYPE_CHECKING:
    from tests.convergence.cluster import Cluster
    from tests.convergence.page import Page
    from tests.convergence.process import Process
    from tests.convergence.socket import Socket

_STATE_BYTES = 320  # Of one cursor, at most: see `Page.point`.
_PRESENCE_S = 3


class Watch:
    """What is looked at while the cluster runs: bounds, acks, and errors that nobody sees."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.failures: list[str] = []
        self.updates = 0
        self.largest = 0
        self._presence: dict[Socket, deque[tuple[float, int]]] = {}

    def failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Note what a task or a callback of the loop raised."""
        self.failures.append(f"{context['message']}: {context.get('exception')!r}")

    def taken(self, frame: bytes) -> None:
        """Note a content frame that a process gets."""
        self.largest = max(self.largest, len(frame))

    def written(self, socket: Socket, frame: bytes) -> None:
        """Note a frame to a page."""
        kind, payload = parse(frame)
        if kind is Kind.UPDATE:
            self.updates += 1
        elif kind is Kind.AWARENESS:
            self._count_presence(socket, len(payload))

    def _count_presence(self, socket: Socket, size: int) -> None:
        """Hold what a socket is sent in some seconds to the budget, and one second's more.

        A quiet second's budget may be spent at once, before the others'. Whoever joins or drains is
        shown everybody once, and one state goes whatever the budget is.
        """
        limits = self._cluster.limits
        now = socket.process.clock.now()
        sent = self._presence.setdefault(socket, deque())
        sent.append((now, size))
        while sent[0][0] <= now - _PRESENCE_S:
            sent.popleft()
        shown = (limits.peers_per_room + 1) * _STATE_BYTES
        total = sum(each for _, each in sent)
        if total > (_PRESENCE_S + 1) * limits.presence_bytes_per_s + shown:
            self.failures.append(f"{total} bytes of presence to one peer in {_PRESENCE_S} s")

    def jumped(self, process: Process) -> None:
        """Count the seconds of a clock from here."""
        for socket in process.sockets:
            self._presence.pop(socket, None)

    def ended(self, process: Process) -> None:
        """See that a process that stopped has nothing running."""
        left = [repr(task.get_coro()) for task in process.tasks if not task.done()]
        if left or process.clock.timers:
            self.failures.append(f"{process.name} left {left}, timers: {process.clock.timers}")

    def check(self) -> None:
        """Raise for whatever was noted, and for every bound and ack that does not hold now."""
        assert not self.failures, self.failures[:3]
        for process in self._cluster.processes:
            _check_bounds(process, self.largest)
        check_acknowledged(self._cluster)


class Log(logging.Handler):
    """Takes what the engine catches and only logs for a failure."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0] is not None:
            error = record.exc_info[1]
            self._cluster.watch.failures.append(f"{record.getMessage()}: {error!r}")


def _check_bounds(process: Process, largest: int) -> None:
    limits = process.cluster.limits
    registry = process.registry
    opened = len(registry.rooms) + len(registry._opening)
    assert opened <= limits.open_rooms, f"{opened} rooms are open"
    # The last frame was taken while there was room.
    over = registry.journal.unsaved_bytes - limits.unsaved_bytes
    assert over <= largest + ROW_COST, f"{over} unsaved bytes too many"
    for room in registry.rooms.values():
        assert len(room.peers) <= limits.peers_per_room
        for peer in room.peers:
            if peer.outbox is None:
                continue
            assert peer.outbox.missed_bytes <= limits.outbox_overflow_bytes
            assert len(peer.outbox._kept) <= limits.outbox_updates
            assert sum(map(len, peer.outbox._kept)) <= limits.outbox_bytes


def check_acknowledged(cluster: Cluster) -> None:
    """See that what anybody was told to be saved is in the log."""
    for key, acknowledged in cluster.acknowledged.items():
        said = acknowledged.union(*(p.acknowledged for p in cluster.pages if p.key == key))
        lost = said - cluster.stored_tags(key)
        assert not lost, f"acknowledged, and not in the log: {sorted(lost)}"


def agree(cluster: Cluster) -> None:
    """See that the log, every open room and every connected page hold the same."""
    cluster.watch.check()
    for key in cluster.acknowledged:
        truth = cluster.replayed(key)
        wanted = content(truth.doc)
        _same(content(cluster.loaded(key).doc), wanted, "what a new process loads")
        for process in cluster.processes:
            room = process.registry.rooms.get(key)
            if room is not None:
                _same(content(room.replica.doc), wanted, f"the room of {process.name}")
                assert room.replica.clocks == truth.clocks
        for page in _connected(cluster, key):
            _same(page.content(), wanted, f"page {page.name}")


def complete(cluster: Cluster) -> None:
    """See that everything is saved, acknowledged and there once, now that everybody is back."""
    for key in cluster.acknowledged:
        ledger = _check_ledger(cluster, key)
        for page in cluster.pages:
            if page.key == key:
                assert page.socket is not None
                assert page.socket.peer is not None, f"{page.name} cannot come back"
                assert set(page.made) <= set(ledger), f"edits of {page.name} are gone"
                assert page.acknowledged == set(page.made), f"{page.name} is not told of its saving"
    _check_nothing_waits(cluster)
    _check_nothing_repeats(cluster)
    _check_fresh(cluster)


def _check_ledger(cluster: Cluster, key: int) -> list[str]:
    ledger: list[str] = content(cluster.replayed(key).doc)["ledger"]
    twice = [name for name, count in Counter(ledger).items() if count > 1]
    assert not twice, f"there more than once: {twice}"
    lost = cluster.acknowledged[key] - set(ledger)
    assert not lost, f"acknowledged, and gone: {sorted(lost)}"
    return ledger


def _check_nothing_waits(cluster: Cluster) -> None:
    for process in cluster.processes:
        registry = process.registry
        assert registry.journal.unsaved_bytes == 0
        assert registry.journal.available
        assert not registry._opening
        assert not any(map(registry.journal.holds, registry._leaving.values()))
        for room in registry.rooms.values():
            assert not room.replica.pending, "an update waits for one that never comes"
            assert not registry.journal.holds(room)
            assert not room.tail.behind, "rows are known of that were never read"
            assert all(not peer.stalled and peer.outbox is None for peer in room.peers)


def _check_nothing_repeats(cluster: Cluster) -> None:
    """See that nothing is stored or sent again that is there: everybody reconnects for nothing."""
    heads = {key: cluster.store.rooms[key].head for key in cluster.acknowledged}
    cluster.watch.updates = 0
    for page in cluster.pages:
        cluster.do(page.connect, cluster.process(page.home))
    cluster.wait(3)
    for key, head in heads.items():
        rows = cluster.store.rooms[key].after(0)[-3:]
        for row in rows:
            event = {"event": "rows", "epoch": 1, "first": row.seq, "last": row.seq}
            cluster.do(cluster.bus.send, "echo", key, {**event, "updates": [row.update]})
        cluster.wait(1)
        assert cluster.store.rooms[key].head == head, "what is there was stored again"
    assert cluster.watch.updates == 0, "what is there was sent again"


def _check_fresh(cluster: Cluster) -> None:
    """See that somebody who comes now, to any process, sees what all see."""
    limit = cluster.limits.peers_per_room
    for key in cluster.acknowledged:
        wanted = content(cluster.replayed(key).doc)
        for process in cluster.processes:
            room = process.registry.rooms.get(key)
            if room is not None and len(room.peers) >= limit:
                continue
            page = cluster.open(key)
            cluster.do(page.connect, process, wait_s=2)
            assert page.socket is not None
            assert page.socket.process is process, "nobody new can come in"
            _same(page.content(), wanted, f"a new page at {process.name}")
            cluster.do(cluster.close, page, wait_s=1)


def nothing_left(cluster: Cluster) -> None:
    """See that no task and no timer is left of the whole cluster."""
    cluster.watch.check()
    loop: Any = cluster.loop
    for process in [*cluster.ended, *cluster.processes]:
        cluster.watch.ended(process)
    assert not cluster.watch.failures, cluster.watch.failures
    assert not asyncio.all_tasks(loop)
    timers = [timer for timer in loop._scheduled if not timer.cancelled()]
    assert not timers, f"timers are left: {timers}"


def _connected(cluster: Cluster, key: int) -> list[Page]:
    return [
        page
        for page in cluster.pages
        if page.key == key and page.socket is not None and page.socket.peer is not None
    ]


def _same(found: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
    for root, value in wanted.items():
        assert found[root] == value, f"{what}: {root} is {found[root]}, in the log {value}"
