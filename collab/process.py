"""What one process has of the live engine: registry, log, relay and meter, wired to Django."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from collab import conf
from collab.engine.ports import EVERYWHERE, LoopClock
from collab.engine.registry import Registry
from collab.heap import give_memory_back
from collab.log import OrmUpdateLog
from collab.metrics import PrometheusMeter
from collab.relay import LayerRelay
from collab.watch import Watch

logger = logging.getLogger(__name__)


_TRIM_EVERY_S = 5.0
_TRIM_ROOMS = 100


class Process:
    """The live engine of one event loop. Get it with `Process.current()`, which starts it."""

    _by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Process] = WeakKeyDictionary()
    # Called with each process when it starts; apps add themselves when they are ready.
    starters: ClassVar[list[Callable[[Process], None]]] = []

    def __init__(self) -> None:
        limits = conf.room_limits()
        self.relay = LayerRelay(self._hear)
        self.log = OrmUpdateLog(limits.update, history_days=conf.get("HISTORY_DAYS"))
        self.registry = Registry(self.log, self.relay, LoopClock(), limits, PrometheusMeter())
        # Who may enter is asked here, so that a slow page on Django's shared thread delays nobody.
        self.pool = ThreadPoolExecutor(4, "collab-access")
        self.watch = Watch(self.pool)
        # Called with each announcement to everyone, and when the process stops.
        self.hearers: set[Callable[[dict[str, Any]], None]] = set()
        self.enders: set[Callable[[], None]] = set()
        # Awaited when it stops, while the rooms are saved.
        self.closers: set[Callable[[], Awaitable[object]]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._trimming: asyncio.Task[None] | None = None
        self._stopped: asyncio.Task[bool] | None = None

    @classmethod
    def current(cls) -> Process:
        """Return the process of the running loop; the first call starts its tasks."""
        loop = asyncio.get_running_loop()
        process = cls._by_loop.get(loop)
        if process is None:
            process = cls._by_loop[loop] = cls()
            process.relay.start()
            process.registry.start()
            process._trimming = asyncio.create_task(process._trim(), name="give memory back")
            process._watching = asyncio.create_task(process.watch.run(), name="watch logins")
            for start in cls.starters:
                start(process)
        return process

    @classmethod
    def running(cls) -> Process | None:
        """Return the process of the running loop if there is one, without starting it."""
        return cls._by_loop.get(asyncio.get_running_loop())

    @classmethod
    def every(cls) -> list[Process]:
        """Return all that run in this operating-system process; mostly one."""
        return list(cls._by_loop.values())

    @classmethod
    def loops(cls) -> list[asyncio.AbstractEventLoop]:
        """Return the loops of all that run in this operating-system process.

        One whose loop was closed without a stop runs no more.
        """
        return [loop for loop in cls._by_loop if not loop.is_closed()]

    async def stop(self) -> bool:
        """Close all peers with 1012, save everything, end every task.

        Returns:
            Whether everything was saved in time.
        """
        if self._stopped is None:
            self._stopped = asyncio.create_task(self._stop())
        return await asyncio.shield(self._stopped)

    async def _stop(self) -> bool:
        for task in (self._watching, self._trimming):
            if task is not None:
                task.cancel()
        for end in tuple(self.enders):
            end()
        # Beside each other, and not one wait after the other: without a database all of them last
        # as long as they may.
        closing = asyncio.gather(*(close() for close in self.closers))
        saved = await self.registry.stop(conf.get("STOP_TIMEOUT_S"))
        await closing
        await self.relay.stop()
        await self.log.close()
        self.pool.shutdown(wait=False)
        self._by_loop.pop(asyncio.get_running_loop(), None)
        return saved

    async def _trim(self) -> None:
        """Give memory back to the system after many rooms were closed.

        glibc keeps what thousands of small documents leave behind: 1,000 documents of 20,000
        characters, opened and left, kept 100 MB.
        """
        most = 0
        while True:
            await asyncio.sleep(_TRIM_EVERY_S)
            open_now = len(self.registry.rooms)
            most = max(most, open_now)
            if most - open_now >= _TRIM_ROOMS:
                most = open_now
                await asyncio.get_running_loop().run_in_executor(self.pool, give_memory_back)

    def _hear(self, process: str, key: int, event: dict[str, Any]) -> None:
        if key != EVERYWHERE or event["event"] in ("occupied", "occupied?"):
            self.registry.hear(process, key, event)
            return
        if event["event"] == "login":
            self.watch.hear(event)
        for hear in tuple(self.hearers):
            try:
                hear(event)
            except Exception:
                logger.exception("An announcement could not be taken")
