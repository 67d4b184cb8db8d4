"""Groups: who looks at one dashboard with one selection, and the ticks that they are sent."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from channels.db import database_sync_to_async

from dashboards import frames, store, ticks
from dashboards.layout.model import Layout
from dashboards.news import NO_NEWS, News
from dashboards.selection import Selection
from dashboards.ticks import Tick

if TYPE_CHECKING:
    from dashboards.hub import Hub

logger = logging.getLogger(__name__)

# A commit is often followed by others at once: they are one tick.
_GATHER_S = 0.02
# Pages that are opened within this share what the first of them was shown.
_FRESH_MS = 1000
# A page opens its socket soon after it was rendered, and a hidden tab may come back.
LINGER_S = 30.0
# Pages take a connection that says nothing for 15 s for lost.
_QUIET_S = 4.0
# So many viewers are sent to before other things have their turn.
_VIEWERS_AT_ONCE = 50


class Viewer(Protocol):
    """A socket that is shown a group's ticks."""

    def follow(self, tick: Tick) -> None:
        """Send what this tick has that was not sent yet; nothing while the socket does not read."""

    def beat(self, frame: bytes) -> None:
        """Send a frame without charts, so that the page knows that the server is there."""

    def end(self) -> None:
        """Close so that the page comes back: what it shows is loaded again, or the server stops."""


class Group:
    """The viewers of one selection. It ticks while there are any, and lingers for a while.

    Args:
        hub: Whose group it is.
        dashboard: The dashboard's id.
        selection: What is shown.
        layout: Returns the layout as it is now.
    """

    def __init__(
        self, hub: Hub, dashboard: str, selection: Selection, layout: Callable[[], Layout]
    ) -> None:
        self.selection = selection
        self.viewers: dict[Viewer, None] = {}
        self.tick: Tick | None = None
        self.cost_s = 0.0
        self.left_at = time.monotonic()
        self._hub = hub
        self._dashboard = dashboard
        self._layout = layout
        self._closed = False
        # What the next tick is for. `_all` asks every panel, `_whole` all points of them.
        self._due = False
        self._all = True
        self._whole = False
        self._news = NO_NEWS
        self._ticked_at = self._sent_at = -LINGER_S
        self._timer: asyncio.TimerHandle | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[Tick]] = []

    @property
    def is_live(self) -> bool:
        """Whether it has to be kept up to date."""
        return bool(self.viewers) and not self._closed

    @property
    def points(self) -> int:
        """How many points of charts it holds."""
        return 0 if self.tick is None else self.tick.points

    @property
    def is_idle(self) -> bool:
        """Whether nobody looks at it, or waits to."""
        return not self.viewers and not self._waiting

    def join(self, viewer: Viewer) -> None:
        """Add a viewer, and send them all they lack, now or with the next tick."""
        was_live = self.is_live
        self.viewers[viewer] = None
        if was_live and self.tick is not None:
            viewer.follow(self.tick)
        elif not was_live:
            self._revive()

    def leave(self, viewer: Viewer) -> None:
        self.viewers.pop(viewer, None)
        if not self.viewers:
            self.left_at = time.monotonic()
            self._hub.rest(self)

    async def fresh(self) -> Tick:
        """Return what a page is to show now; those who ask at once are given the same."""
        tick = self.tick
        if tick is not None and (self.is_live or ticks.now_ms() - tick.at_ms < _FRESH_MS):
            return tick
        return await self._next(self._revive)

    async def following(self) -> Tick:
        """Return the tick that comes next, which has the layout as it is now."""
        return await self._next(lambda: self._tick_soon(_GATHER_S))

    async def _next(self, ask: Callable[[], None]) -> Tick:
        found: asyncio.Future[Tick] = asyncio.get_running_loop().create_future()
        self._waiting.append(found)
        self.left_at = time.monotonic()
        ask()
        return await found

    def hear(self, news: News) -> None:
        """Take what is new in the store, if a panel asks for it."""
        concerned = self.tick is None or news.names is None or self.tick.depends_on(news.names)
        if self.is_live and concerned:
            self._news = news.and_(self._news)
            self._tick_soon(_GATHER_S)

    def look(self) -> None:
        """Have every panel asked again, of which somebody may not have told us what is new."""
        if self.is_live:
            self._all = True
            self._tick_soon(_GATHER_S)

    def beat(self) -> None:
        """Tell viewers who have heard nothing for a while that the server is there."""
        if time.monotonic() - self._sent_at > _QUIET_S:
            self._sent_at = time.monotonic()
            nothing = frames.frame(ticks.now_ms(), ())
            for viewer in tuple(self.viewers):
                viewer.beat(nothing)

    def changed(self) -> None:
        """Take that the layout changed."""
        if self.is_live:
            self._tick_soon(_GATHER_S)

    def close(self) -> None:
        """Cancel what it has running, and let nobody wait."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._ticking is not None:
            self._ticking.cancel()
        for waiting in self._waiting:
            waiting.cancel()

    def _revive(self) -> None:
        """Tick at once: nobody heard what is new while nobody looked."""
        self._all = self._whole = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._tick_soon(0.0, at_once=True)

    def _tick_soon(self, delay_s: float, *, at_once: bool = False) -> None:
        self._due = True
        if self._timer is not None or self._ticking is not None or self._closed:
            return
        loop = asyncio.get_running_loop()
        if not at_once:
            passed_s = time.monotonic() - self._ticked_at
            delay_s = max(delay_s, self._hub.period_s - passed_s)
        self._timer = loop.call_later(delay_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._ticking = asyncio.create_task(self._run(), name="tick a dashboard")

    async def _run(self) -> None:
        """Make a tick, send it, and see whether another is due."""
        self._due = False
        if self._news != NO_NEWS or not self._all:
            # A look at everything, every few seconds, delays nothing that is new.
            self._ticked_at = time.monotonic()
        try:
            tick = self.tick = await self._advance()
            self._answer(tick)
            sent_s = await self._send(tick)
            self.cost_s += (tick.cost_s + sent_s - self.cost_s) / 4
        except Exception as error:
            logger.exception("Dashboard %s cannot be shown", self._dashboard)
            self._answer(error)
        finally:
            self._ticking = None
        if self._due and (self.is_live or self._waiting):
            self._tick_soon(_GATHER_S)
        elif not self.viewers:
            self._hub.rest(self)

    async def _advance(self) -> Tick:
        """Make the next tick on a thread of the hub's. What it could not ask for stays wanted."""
        news, whole, every = self._news, self._whole, self._all
        self._news, self._whole, self._all = NO_NEWS, False, False
        in_pool = database_sync_to_async(
            ticks.advance, thread_sensitive=False, executor=self._hub.pool
        )
        layout = self._layout()
        tick: Tick = await in_pool(
            self.tick,
            self._dashboard,
            layout,
            self.selection,
            store.current(),
            now_ms=ticks.now_ms(),
            news=news,
            every=every,
            whole=whole,
            most=self._hub.points_for(self),
        )
        if not tick.complete:
            # Asked for again with the next look at all streams.
            self._whole, self._all = self._whole or whole, True
            self._news = news.and_(self._news)
        return tick

    async def _send(self, tick: Tick) -> float:
        """Send a tick to all viewers. Returns what that took of the loop (s)."""
        viewers, held_up_s = tuple(self.viewers), 0.0
        if tick.text or tick.frame is not None:
            self._sent_at = time.monotonic()
        for first in range(0, len(viewers), _VIEWERS_AT_ONCE):
            began = time.thread_time()
            for viewer in viewers[first : first + _VIEWERS_AT_ONCE]:
                viewer.follow(tick)
            held_up_s += time.thread_time() - began
            await asyncio.sleep(0)
        return held_up_s

    def _answer(self, result: Tick | Exception) -> None:
        """Give pages that wait what they wait for."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if one.done():
                continue
            if isinstance(result, Exception):
                one.set_exception(result)
            else:
                one.set_result(result)
