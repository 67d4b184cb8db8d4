"""The hub: the dashboards that are open in one process, and what is new for those who look.

Panels are asked per dashboard and selection, never per viewer, and only while somebody looks. What
is new is told by the recorder of this process, and by those of others over the relay: hints, both.
Every `COLLAB_HUB_EVERY_S` seconds all that is shown is asked again, so that a lost one heals.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections
from django.utils.translation import gettext as _

from collab import conf, edits
from collab.engine.errors import Overloaded
from collab.engine.replica import replica_of
from collab.engine.room import Room
from collab.process import Process
from dashboards import store, telling, ticks
from dashboards.groups import LINGER_S, Group, Viewer
from dashboards.layout.model import Layout
from dashboards.layout.read import layout_of
from dashboards.live import LAYOUT
from dashboards.news import News
from dashboards.selection import Selection
from dashboards.ticks import Tick

logger = logging.getLogger(__name__)

_THREADS = 2
# Selections that one process keeps the numbers of; the page chooses them, so there may be any.
_GROUPS_AT_MOST = 500
# Of those, of one dashboard: who may look at one leaves room for all others.
_GROUPS_OF_ONE_AT_MOST = 100
# All of them may hold as many points as so many dashboards that are full.
_FULL_AT_MOST = 10
_FASTEST_S = 0.25
_SLOWEST_S = 1.0
# Ticks take at most a quarter of a core; beyond what that gives once per second, half of one.
_AT_EASE = 4
_AT_LEAST = 2
_BEAT_S = 4.0

Choose = Callable[[Layout], Selection]
"""Says what of a dashboard is to be shown, by its layout."""


class Open:
    """A dashboard that somebody looks at: its room, and the groups of its viewers."""

    def __init__(self, dashboard: str, room: Room) -> None:
        self.dashboard = dashboard
        self.room = room
        self.groups: dict[Selection, Group] = {}
        # All that look at it, also those that pause.
        self.sockets: set[Viewer] = set()
        self._layout: Layout | None = None

    def layout(self) -> Layout:
        """Return the layout as the room has it, read once after each change."""
        if self._layout is None:
            self._layout = layout_of(self.room.replica)
        return self._layout

    def changed(self) -> None:
        self._layout = None
        for group in self.groups.values():
            group.changed()


class Hub:
    """The open dashboards of a process. Get it with `Hub.current()`; used from its loop only."""

    _by_process: WeakKeyDictionary[Process, Hub] = WeakKeyDictionary()

    def __init__(self, process: Process) -> None:
        self.pool = ThreadPoolExecutor(_THREADS, "collab-hub")
        self._process = process
        self._every_s: float = conf.get("HUB_EVERY_S")
        self._open: dict[int, Open] = {}
        self._opening: dict[int, asyncio.Task[Open]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._stopped = False
        LAYOUT.watchers.add(self._edited)
        process.hearers.add(self._hear)
        process.enders.add(self._end)
        self._unlisten = telling.listen(self._take)

    @classmethod
    def current(cls) -> Hub:
        """Return the hub of the running process."""
        process = Process.current()
        hub = cls._by_process.get(process)
        if hub is None:
            hub = cls._by_process[process] = cls(process)
        return hub

    @property
    def groups(self) -> list[Group]:
        return [group for one in self._open.values() for group in one.groups.values()]

    @property
    def period_s(self) -> float:
        """Shortest time between two ticks of a group now, by what one of every group costs."""
        round_s = sum(group.cost_s for group in self.groups if group.is_live)
        return max(_FASTEST_S, min(_AT_EASE * round_s, _SLOWEST_S), _AT_LEAST * round_s)

    async def open(self, dashboard: str, key: int) -> Open:
        """Open a dashboard by its id and its room.

        Raises:
            NoSuchRoom, UpdateRejected: it cannot be read.
            LogUnavailable, Overloaded: come back later.
        """
        found = self._open.get(key)
        if found is not None and not found.room.closed:
            return found
        opening = self._opening.get(key)
        if opening is None or opening.done():
            opening = asyncio.create_task(self._lease(dashboard, key), name="open a dashboard")
            self._opening[key] = opening
            opening.add_done_callback(lambda task: self._opened(key, task))
        await asyncio.wait([opening])
        if opening.cancelled():
            raise Overloaded(_("The server restarts; come back."))
        return opening.result()

    def group(self, one: Open, selection: Selection) -> Group:
        """Return the group of a selection. Raises Overloaded if there are too many."""
        if self._stopped or one.room.closed:
            raise Overloaded(_("The dashboard is loaded again; come back."))
        selection = selection.of(one.layout())
        group = one.groups.get(selection)
        if group is None:
            if len(one.groups) >= _GROUPS_OF_ONE_AT_MOST and not self._drop_idlest(one):
                raise Overloaded(
                    _("This dashboard is shown in as many ways as it can be; come back.")
                )
            if len(self.groups) >= _GROUPS_AT_MOST and not self._drop_idlest():
                raise Overloaded(_("The server shows as many dashboards as it can; come back."))
            group = Group(self, one.dashboard, selection, one.layout)
            one.groups[selection] = group
            self._look_soon()
        return group

    def points_for(self, group: Group) -> int:
        """Return how many points a group may hold, beside those that all others do."""
        most = ticks.points_at_most()
        while True:
            others = sum(each.points for each in self.groups if each is not group)
            left = _FULL_AT_MOST * most - others
            if left >= most or not self._drop_idlest():
                return max(0, min(left, most))

    async def shown(
        self, dashboard: str, key: int, choose: Choose, panel: str | None = None
    ) -> Tick:
        """Return what a page is to show now; see `shown`."""
        one = await self.open(dashboard, key)
        group = self.group(one, choose(one.layout()))
        tick = await group.fresh()
        if panel is not None and panel in one.layout().panels and panel not in tick.streams:
            # It was added a moment ago, and is in the next.
            tick = await group.following()
        return tick

    def rest(self, group: Group) -> None:
        """Note that nobody looks at a group any more: it is dropped after a while."""
        self._look_soon()

    # What is new

    def _take(self, news: News) -> None:
        for group in self.groups:
            group.hear(news)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == telling.RECORDED:
            self._take(telling.news_of(event))

    def _edited(self, room: Room) -> None:
        one = self._open.get(room.key)
        if one is not None and one.room is room:
            one.changed()

    # Life

    async def _lease(self, dashboard: str, key: int) -> Open:
        room = await self._process.registry.lease(key, LAYOUT)
        one = Open(dashboard, room)
        if self._stopped:
            self._process.registry.release(room)
            raise Overloaded(_("The server restarts; come back."))
        self._open[key] = one
        room.enders.add(self._room_closed)
        self._look_soon()
        return one

    def _opened(self, key: int, task: asyncio.Task[Open]) -> None:
        if self._opening.get(key) is task:
            del self._opening[key]
        if not task.cancelled():
            # Whoever asked for it may have gone, and then nobody else takes the error.
            task.exception()

    def _room_closed(self, room: Room) -> None:
        """Send viewers away whose layout is loaded anew, or was deleted; asked again they learn."""
        one = self._open.get(room.key)
        if one is not None and one.room is room:
            self._close(room.key)

    def _close(self, key: int) -> None:
        one = self._open.pop(key)
        for group in one.groups.values():
            group.close()
        one.groups.clear()
        for socket in tuple(one.sockets):
            socket.end()
        one.room.enders.discard(self._room_closed)
        self._process.registry.release(one.room)

    def _drop_idlest(self, of: Open | None = None) -> bool:
        """Drop the group that nobody has looked at for longest, of one dashboard or of all."""
        idle = [
            (group.left_at, number, one, group)
            for number, (one, group) in enumerate(self._each())
            if group.is_idle and of in (None, one)
        ]
        if not idle:
            return False
        _left_at, _n, one, group = min(idle)
        self._drop(one, group)
        return True

    def _each(self) -> list[tuple[Open, Group]]:
        return [(one, group) for one in self._open.values() for group in one.groups.values()]

    def _drop(self, one: Open, group: Group) -> None:
        group.close()
        del one.groups[group.selection]

    def _look_soon(self) -> None:
        if self._looking is None and not self._stopped:
            self._looking = asyncio.create_task(self._look(), name="look at dashboards")

    async def _look(self) -> None:
        """Every few seconds ask all that is shown again, and let go of the rest, until none is."""
        try:
            due_s = self._every_s
            while self._open:
                rest_s = min(due_s, _BEAT_S)
                await asyncio.sleep(rest_s)
                due_s -= rest_s
                try:
                    self._look_once(ask=due_s <= 0)
                except Exception:
                    logger.exception("Looking at the open dashboards failed")
                due_s = due_s if due_s > 0 else self._every_s
        finally:
            self._looking = None

    def _look_once(self, *, ask: bool) -> None:
        now = time.monotonic()
        for one, group in self._each():
            if group.is_idle and now - group.left_at > LINGER_S:
                self._drop(one, group)
            elif ask:
                group.look()
            group.beat()
        for key, one in list(self._open.items()):
            if not one.groups and not one.sockets:
                self._close(key)

    def _end(self) -> None:
        """End all of it: the process stops."""
        self._stopped = True
        self._unlisten()
        LAYOUT.watchers.discard(self._edited)
        for key in list(self._open):
            self._close(key)
        for task in (self._looking, *self._opening.values()):
            if task is not None:
                task.cancel()
        for _thread in range(_THREADS):
            self.pool.submit(connections.close_all)
        self.pool.shutdown(wait=False)


async def shown(dashboard: str, key: int, choose: Choose, panel: str | None = None) -> Tick:
    """Return what a page is to show now, from the hub of the running loop.

    Pages that are loaded at once, or while somebody looks, cost no questions of their own.

    Args:
        dashboard: The dashboard's id.
        key: Its room.
        choose: Says what to show.
        panel: One that has to be in it, if the dashboard has it.

    Raises:
        NoSuchRoom, UpdateRejected: it cannot be read.
        LogUnavailable, Overloaded: come back later.
    """
    return await Hub.current().shown(dashboard, key, choose, panel)


def shown_once(dashboard: str, key: int, choose: Choose) -> Tick:
    """Return the same where no hub runs, each time anew. Blocks."""
    layout = layout_of(replica_of(edits.state_of(key)))
    return ticks.advance(
        None, dashboard, layout, choose(layout), store.current(), now_ms=ticks.now_ms()
    )
