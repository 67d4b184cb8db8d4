"""One process of the simulation: a registry on ports of its own, and its death."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

from collab.engine.registry import Registry
from tests.convergence.points import OWNER
from tests.convergence.ports import ProcessClock, ProcessLog, ProcessRelay

if TYPE_CHECKING:
    from tests.convergence.cluster import Cluster
    from tests.convergence.socket import Socket

T = TypeVar("T")


class Process:
    """A process of the cluster.

    Args:
        cluster: Where it is.
        name: What its relay is called.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.dead = False
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.sockets: dict[Socket, None] = {}
        # Where it dies, the next time that a task of it waits there.
        self.doom: str | None = None
        self.clock = ProcessClock(cluster.loop)
        self.log = ProcessLog(self, cluster.store, cluster.weather)
        self.relay = ProcessRelay(self, cluster.bus)
        self._outside = copy_context()
        self._outside.run(OWNER.set, None)
        self._context = copy_context()
        self._context.run(OWNER.set, self)
        self.registry = self.run(Registry, self.log, self.relay, self.clock, cluster.limits)
        self.run(self.registry.start)

    def run(self, call: Callable[..., T], *args: Any) -> T:
        """Call code of this process, so that what it starts belongs to it."""
        if OWNER.get() is self:
            return call(*args)
        return self._context.run(call, *args)

    def jump(self, seconds: float) -> None:
        """Move its clock."""
        self.cluster.watch.jumped(self)
        self.clock.jump(seconds)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task of this process."""
        if self.dead:
            work.close()
        else:
            self.run(self.cluster.loop.create_task, work)

    def hear(self, sender: str, key: int, event: dict[str, Any]) -> None:
        """Take an event that the bus brings."""
        if not self.dead:
            self.run(self.registry.hear, sender, key, event)

    def waits(self, places: Callable[[], Iterator[str]]) -> None:
        """Die if this is the await that was chosen for it."""
        if self.doom is not None and self.doom in places():
            self.doom = None
            self.cluster.loop.call_soon(self.die, context=self._outside)

    def die(self) -> None:
        """End as by SIGKILL: nothing that it still does reaches anybody."""
        if self.dead:
            return
        self.dead = True
        del self.cluster.bus.relays[self]
        self.clock.stop()
        for task in list(self.tasks):
            task.cancel()
        for socket in list(self.sockets):
            socket.lost()
        self.cluster.died(self)

    async def stop(self, timeout_s: float) -> None:
        """End as by SIGTERM. It may be killed meanwhile."""
        stopping = self.run(asyncio.ensure_future, self.registry.stop(timeout_s))
        await asyncio.wait([stopping])
        if not self.dead:
            self.dead = True
            del self.cluster.bus.relays[self]
            for socket in list(self.sockets):
                socket.lost()
            # Of those that gave up waiting for a room.
            for _ in range(5):
                await asyncio.sleep(0)
            self.cluster.check_ended(self)
