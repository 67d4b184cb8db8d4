"""One process's clock, log and relay, and all that can happen on the way to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from collab.engine.errors import LogUnavailable
from collab.engine.memory import MemoryLog
from collab.engine.ports import EVERYWHERE, Appended, Batch, Head, Loaded, Row

if TYPE_CHECKING:
    from tests.convergence.process import Process

OK = "ok"
LOG_FATES = [OK, "fails before", "fails after", "slow"]
RELAY_FATES = [OK, "lost", "doubled", "late", "later"]
_LATE_S = {"late": 0.3, "later": 4.0}


@dataclass
class Weather:
    """What happens to calls of the log and to events of the relay: these fates, in turn."""

    log: list[str] = field(default_factory=lambda: [OK])
    relay: list[str] = field(default_factory=lambda: [OK])
    calls: int = 0
    events: int = 0

    def of_call(self) -> str:
        self.calls += 1
        return self.log[self.calls % len(self.log)]

    def of_event(self) -> str:
        self.events += 1
        return self.relay[self.events % len(self.relay)]


class Timer:
    """A call that is due at a time of a process's clock."""

    def __init__(self, clock: ProcessClock, due_at: float, call: Callable[[], None]) -> None:
        self._clock = clock
        self._call = call
        self.due_at = due_at
        self._inner = self._schedule()

    def cancel(self) -> None:
        self._inner.cancel()
        self._clock.timers.pop(self, None)

    def moved(self) -> None:
        """Be due at the same time of a clock that jumped."""
        self._inner.cancel()
        self._inner = self._schedule()

    def _schedule(self) -> asyncio.TimerHandle:
        delay_s = max(self.due_at - self._clock.now(), 0)
        return self._clock.loop.call_later(delay_s, self._run)

    def _run(self) -> None:
        self._clock.timers.pop(self, None)
        self._call()


class ProcessClock:
    """A `Clock` that can jump. Forward, timers fall due, as after a machine was halted."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.timers: dict[Timer, None] = {}
        self._ahead_s = 0.0
        self._stopped = False

    def now(self) -> float:
        return self.loop.time() + self._ahead_s

    def call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self, self.now() + delay_s, call)
        self.timers[timer] = None
        if self._stopped:
            timer.cancel()
        return timer

    async def sleep(self, delay_s: float) -> None:
        over: asyncio.Future[None] = self.loop.create_future()
        timer = self.call_later(delay_s, lambda: over.done() or over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()

    def jump(self, seconds: float) -> None:
        """Move; back, what is due keeps its time of the world."""
        self._ahead_s += seconds
        for timer in list(self.timers):
            if seconds < 0:
                timer.due_at += seconds
            timer.moved()

    def stop(self) -> None:
        """Let nothing fall due any more."""
        self._stopped = True
        for timer in list(self.timers):
            timer.cancel()


class ProcessLog:
    """The log as one process reaches it: a call may fail before it is done, and after."""

    def __init__(self, process: Process, store: MemoryLog, weather: Weather) -> None:
        self._process = process
        self._store = store
        self._weather = weather
        self.cut_off = False

    async def load(self, key: int, *, whole: bool = False) -> Loaded:
        fate = self._weather.of_call()
        await self._asked(fate)
        loaded = _now(self._store.load(key, whole=whole))
        await self._answered(fate)
        return loaded

    async def append(self, batches: Sequence[Batch]) -> list[Appended | Exception]:
        fate = self._weather.of_call()
        await self._asked(fate)
        answers = await self._store.append(batches)
        await self._answered(fate)
        return answers

    async def read(self, key: int, after: int) -> list[Row]:
        fate = self._weather.of_call()
        await self._asked(fate)
        rows = _now(self._store.read(key, after))
        await self._answered(fate)
        return rows

    async def heads(self, keys: Sequence[int]) -> dict[int, Head]:
        fate = self._weather.of_call()
        await self._asked(fate)
        heads = _now(self._store.heads(keys))
        await self._answered(fate)
        return heads

    async def compact(self, key: int) -> bool:
        fate = self._weather.of_call()
        await self._asked(fate)
        done = await self._store.compact(key)
        await self._answered(fate)
        return done

    async def _asked(self, fate: str) -> None:
        await asyncio.sleep(1.0 if fate == "slow" else 0.001)
        if self.cut_off or fate == "fails before":
            raise LogUnavailable("The log cannot be reached.")

    async def _answered(self, fate: str) -> None:
        await asyncio.sleep(1.0 if fate == "slow" else 0.001)
        if self.cut_off or fate == "fails after":
            raise LogUnavailable("The log's answer did not come.")


def _now(call: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits."""
    try:
        call.send(None)
    except StopIteration as done:
        return done.value
    raise TypeError("It waits.")


class Bus:
    """Carries events between processes, not always, not always once, not always in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, weather: Weather) -> None:
        self._loop = loop
        self._weather = weather
        self.relays: dict[Process, ProcessRelay] = {}
        # Pairs of processes that do not hear each other.
        self.parted: set[frozenset[str]] = set()

    def send(self, sender: str, key: int, event: dict[str, Any]) -> None:
        for process, relay in self.relays.items():
            hears = key == EVERYWHERE or key in relay.keys
            if not hears or process.name == sender:
                continue
            if frozenset([sender, process.name]) in self.parted:
                continue
            fate = self._weather.of_event()
            if fate != "lost":
                delay_s = _LATE_S.get(fate, 0.002)
                self._loop.call_later(delay_s, process.hear, sender, key, event)
            if fate == "doubled":
                self._loop.call_later(0.1, process.hear, sender, key, event)


class ProcessRelay:
    """A `Relay` on the bus; of a dead process nothing is heard."""

    def __init__(self, process: Process, bus: Bus) -> None:
        self._process = process
        self._bus = bus
        self.keys: set[int] = set()
        bus.relays[process] = self

    async def subscribe(self, key: int) -> None:
        await asyncio.sleep(0.001)
        self.keys.add(key)
        await asyncio.sleep(0.001)

    async def unsubscribe(self, key: int) -> None:
        await asyncio.sleep(0.001)
        self.keys.discard(key)
        await asyncio.sleep(0.001)

    def publish(self, key: int, event: dict[str, Any]) -> None:
        if not self._process.dead:
            self._bus.send(self._process.name, key, event)
