"""A process dies at every await that there is, one cluster for each; all the rest holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.convergence.cluster import DOCUMENT, LAYOUT, SPARE, Cluster
from tests.convergence.content import DOCUMENT_EDITS
from tests.convergence.points import await_points
from tests.convergence.ports import OK


@pytest.mark.parametrize("point", await_points().values())
def test_a_cluster_survives_a_death_at(point: str) -> None:
    """The process reaches the await, dies there, and what was acknowledged is in every replica."""
    cluster = Cluster(2)
    try:
        victim = cluster.process(0)
        victim.doom = point
        for step in _life(cluster):
            cluster.do(step)
            cluster.wait(0.05)
            cluster.watch.check()
            if victim.dead:
                break
        assert victim in cluster.ended, "it was not reached"
        assert victim.doom is None, "it was not reached"
        cluster.store.rooms[DOCUMENT].snapshot = None
        cluster.settle()
        cluster.end()
    finally:
        cluster.close_loop()


def _life(cluster: Cluster) -> Iterator[Callable[[], object]]:
    """Lead process 0 through everything that a process does, step by step."""
    victim = cluster.process(0)
    first, second, third = (cluster.open(DOCUMENT) for _ in range(3))
    insert = DOCUMENT_EDITS["insert"]

    def edit() -> None:
        for page in (first, second):
            page.edit(insert, 500)

    yield lambda: first.move(0)
    yield lambda: second.move(1)
    for _ in range(6):
        yield edit
    yield lambda: cluster.submit(victim, DOCUMENT)
    # An event is lost, and the next one shows it.
    cluster.weather.relay = ["lost"]
    yield edit
    yield from [lambda: None] * 3  # Longer than a journal rests: it is committed, and told.
    cluster.weather.relay = [OK]
    for _ in range(6):
        yield edit
    cluster.weather.log = ["fails before", OK, "fails after"]
    for _ in range(4):
        yield edit
    cluster.weather.log = [OK]
    yield from [lambda: None] * 120
    # A room is left while the log is away, closed, and wanted again.
    yield lambda: first.move(0)
    victim.log.cut_off = True
    yield edit
    yield lambda: first.leave(0)
    yield from [lambda: None] * 30
    victim.log.cut_off = False
    yield lambda: first.move(0)
    yield from [lambda: None] * 30
    # A room has to go for another, and is wanted again at once.
    yield lambda: cluster.visit(victim, LAYOUT)
    yield lambda: first.leave(0)

    def crowd() -> None:
        cluster.visit(victim, SPARE)
        cluster.loop.call_soon(cluster.visit, victim, LAYOUT)
        cluster.loop.call_soon(cluster.visit, victim, DOCUMENT)

    for _ in range(3):
        yield crowd
    # The snapshot cannot be read.
    yield from [lambda: None] * 30
    cluster.store.rooms[DOCUMENT].snapshot = (1, b"\xff")
    yield lambda: third.move(0)
    cluster.store.rooms[DOCUMENT].snapshot = None

    # It has to stop while a commit is under way.
    def stop() -> None:
        cluster.loop.create_task(cluster.redeploy(victim, 5))

    def edit_and_stop() -> None:
        third.edit(insert, 500)
        cluster.loop.call_later(0.004, stop)

    yield edit_and_stop
    yield from [lambda: None] * 30
