"""The lists that are open in one process, and what they are told of the objects in them.

One rendering per change and process, not per viewer. What a viewer may see was read from the
database when they came; it is read again when their rights change, as announced, or as found by
`_look` when announcements are lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.template.loader import render_to_string

from collab import people
from collab.engine.errors import LogUnavailable
from collab.engine.occupancy import NOBODY, Occupants
from collab.models import Grant, GrantQuerySet
from collab.process import Process
from collab.shared import SharedObject

logger = logging.getLogger(__name__)

# Changes to lists are gathered this long: one sharing of many objects is one refresh.
_GATHER_S = 0.4
_LOOK_S = 4.0
# How long ago a page may have been rendered that is sent changes and not asked to load anew.
FRESH_S = 60.0
# A page that was away is shown nobody, and then those who are there.
_NOBODY_ANYWHERE = '<hx-partial hx-target=".live" hx-swap="innerHTML"></hx-partial>'


@dataclass(frozen=True, slots=True)
class Sight:
    """Whose page it is, and the rooms that they may see: sorted, eight bytes each."""

    user: Any
    groups: frozenset[int]
    links: frozenset[int]
    rooms: Any  # array("q")

    def has(self, room: int) -> bool:
        at = bisect_left(self.rooms, room)
        return at < len(self.rooms) and bool(self.rooms[at] == room)


class Viewer(Protocol):
    """An open list."""

    sight: Sight

    def owe(self, fragments: dict[str, str]) -> None:
        """Send fragments, by their element; while the socket does not read, keep the latest."""

    def reconsider(self) -> None:
        """Read again, soon, who this is and what they may see."""

    def end(self) -> None:
        """Close: the process stops."""


class Lobby:
    """The viewers of a model's lists in a process. Get it with `Lobby.of(model)`.

    Args:
        process: Whose occupants and announcements are shown.
        model: What is listed.
    """

    _by_process: WeakKeyDictionary[Process, dict[type[SharedObject], Lobby]] = WeakKeyDictionary()

    def __init__(self, process: Process, model: type[SharedObject]) -> None:
        self._process = process
        self._model = model
        self._occupancy = process.registry.occupancy
        self._viewers: set[Viewer] = set()
        # Of rooms that somebody is in, or was a moment ago.
        self._rendered: dict[int, tuple[Occupants, str]] = {}
        self._changed_at: dict[int, float] = {}
        # Rooms whose rights or names changed, and viewers whose list did.
        self._rooms: set[int] = set()
        self._stale: set[Viewer] = set()
        self._gathering: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._accesses: dict[int, int] = {}
        self._grants = Grants(model)
        self._occupancy.watchers.add(self._occupied)
        process.hearers.add(self._hear)
        process.enders.add(self._end)

    @classmethod
    def of(cls, model: type[SharedObject]) -> Lobby:
        """Return the running process's lobby of a model."""
        process = Process.current()
        lobbies = cls._by_process.setdefault(process, {})
        if model not in lobbies:
            lobbies[model] = cls(process, model)
        return lobbies[model]

    def enter(self, viewer: Viewer, rendered_at: float) -> None:
        """Add a viewer, and send what changed since their page was rendered (wall clock, s)."""
        self._viewers.add(viewer)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="look for changed rights")
        if time.time() - rendered_at > FRESH_S:
            viewer.owe({"live": _NOBODY_ANYWHERE})
            self.refresh(viewer)
        recent = {*self._occupancy.rooms(), *self._changed_at}
        viewer.owe(self._fragments(key for key in recent if viewer.sight.has(key)))

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        self._stale.discard(viewer)
        if not self._viewers and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def refresh(self, viewer: Viewer) -> None:
        """Have a page load its list again, once for all that changes in a moment."""
        self._stale.add(viewer)
        self._gather_soon()

    def _occupied(self, keys: Collection[int]) -> None:
        """Send who is in rooms where somebody came or went."""
        now = time.time()
        for key in [k for k, at in self._changed_at.items() if now - at > FRESH_S]:
            del self._changed_at[key]
            if self._occupancy.of(key) is NOBODY:
                self._rendered.pop(key, None)
        self._changed_at.update(dict.fromkeys(keys, now))
        for viewer in tuple(self._viewers):
            seen = [key for key in keys if viewer.sight.has(key)]
            if seen:
                viewer.owe(self._fragments(seen))

    def _fragments(self, keys: Iterable[int]) -> dict[str, str]:
        return {f"live-{key}": self._fragment(key) for key in keys}

    def _fragment(self, key: int) -> str:
        now = self._occupancy.of(key)
        known = self._rendered.get(key)
        if known is not None and known[0] is now:
            return known[1]
        html = render_to_string("shared/_live.html", {"room": key, "live": shown(now)})
        fragment = f'<hx-partial hx-target="#live-{key}" hx-swap="outerHTML">{html}</hx-partial>'
        self._rendered[key] = (now, fragment)
        return fragment

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "renamed":
            key, title = event["room"], event["title"]
            html = render_to_string("shared/_title.html", {"room": key, "title": title})
            partial = '<hx-partial hx-target="#title-%d" hx-swap="outerHTML">%s</hx-partial>'
            for viewer in tuple(self._viewers):
                if viewer.sight.has(key):
                    viewer.owe({f"title-{key}": partial % (key, html)})
        elif event["event"] == "listed" and self._viewers:
            users, groups = set(event.get("users", ())), set(event.get("groups", ()))
            for viewer in tuple(self._viewers):
                if viewer.sight.user in users or viewer.sight.groups & groups:
                    self._changed_for(viewer)
            self._rooms.update(event.get("rooms", ()))
            self._gather_soon()

    def _changed_for(self, viewer: Viewer) -> None:
        """Read a viewer's rights again; their list is refreshed after that."""
        self._stale.discard(viewer)
        viewer.reconsider()

    def _gather_soon(self) -> None:
        if self._gathering is None:
            self._gathering = asyncio.create_task(self._gather(), name="gather changed lists")

    async def _gather(self) -> None:
        try:
            while self._rooms or self._stale:
                await asyncio.sleep(_GATHER_S)
                rooms, self._rooms = self._rooms, set()
                await self._check(rooms)
                stale, self._stale = self._stale, set()
                html = render_to_string("shared/_stale.html", {"list_url": self._model.list_url()})
                for viewer in stale:
                    viewer.owe({"list": html})
        except Exception:
            logger.exception("Open lists could not be told what changed")
        finally:
            self._gathering = None

    async def _check(self, rooms: Collection[int]) -> None:
        """Have the rights of viewers read again who see rooms that they may not, or the reverse.

        One query, however many rooms and viewers there are.
        """
        if not rooms or not self._viewers:
            return
        try:
            granted = await self._in_pool(_granted, self._model, rooms)
        except DatabaseError as error:
            logger.warning("Changed rights could not be read: %r", error)
            return
        for viewer in tuple(self._viewers):
            sight = viewer.sight
            may = granted.rooms_of(sight)
            has = {room for room in rooms if sight.has(room)}
            if may != has:
                self._changed_for(viewer)

    async def _look(self) -> None:
        """Find every few seconds, in three queries, what was changed but not announced to us."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._look_once()
            except (DatabaseError, LogUnavailable):
                continue
            except Exception:
                logger.exception("Looking for changed rights failed")

    async def _look_once(self) -> None:
        """Compare the rooms that somebody is in, whose people are shown; and find new grants."""
        heads = await self._process.log.heads(self._occupancy.rooms())
        accesses = {key: head.access for key, head in heads.items()}
        unknown = {key for key, access in accesses.items() if self._accesses.get(key) != access}
        self._accesses = accesses
        await self._check(unknown)
        new = await self._in_pool(self._grants.new)
        for viewer in tuple(self._viewers):
            if new.rooms_of(viewer.sight) - {r for r in new.rooms if viewer.sight.has(r)}:
                self._changed_for(viewer)

    async def _in_pool(self, call: Any, *args: Any) -> Any:
        in_pool = database_sync_to_async(call, thread_sensitive=False, executor=self._process.pool)
        return await in_pool(*args)

    def _end(self) -> None:
        for viewer in tuple(self._viewers):
            viewer.end()
        for task in (self._gathering, self._looking):
            if task is not None:
                task.cancel()


@dataclass(frozen=True, slots=True)
class Granted:
    """Some grants, as (pk, room, user, group) each."""

    rows: list[tuple[int, int, Any, Any]]

    @property
    def rooms(self) -> set[int]:
        return {row[1] for row in self.rows}

    def rooms_of(self, sight: Sight) -> set[int]:
        """Return the rooms that these grants let somebody see."""
        return {
            room
            for pk, room, user, group in self.rows
            if (user is not None and user == sight.user)
            or group in sight.groups
            or pk in sight.links
        }


_FIELDS = ("pk", "room_id", "user_id", "group_id")


def _granted(model: type[SharedObject], rooms: Collection[int]) -> Granted:
    """Read the grants of rooms whose objects are not in the trash."""
    grants = _listed(model, Grant.objects.valid().filter(room_id__in=rooms))
    return Granted(list(grants.values_list(*_FIELDS)))


def _listed(model: type[SharedObject], grants: GrantQuerySet) -> GrantQuerySet:
    found = f"room__{model.KIND}"
    return grants.filter(**{f"{found}__isnull": False, f"{found}__trashed_at": None})


class Grants:
    """Grants made lately. One that is committed late may have a lower number than one seen."""

    _LATE = 1000

    def __init__(self, model: type[SharedObject]) -> None:
        self._model = model
        self._last: int | None = None
        self._seen: set[int] = set()

    def new(self) -> Granted:
        """Read those that were made since the last call; the latest of all on the first.

        Somebody may have come to a list, and been granted something, before it.
        """
        if self._last is None:
            newest = Grant.objects.order_by("-pk").values_list("pk", flat=True).first()
            self._last = newest or 0
        grants = Grant.objects.filter(pk__gt=self._last - self._LATE, token=None)
        rows = list(_listed(self._model, grants).values_list(*_FIELDS))
        fresh = [row for row in rows if row[0] not in self._seen]
        self._seen = {row[0] for row in rows}
        self._last = max([self._last, *self._seen])
        return Granted(fresh)


def shown(occupants: Occupants) -> dict[str, Any]:
    """Prepare occupants for `shared/_live.html`."""
    named = people.shown([(person, 1) for person in occupants.people])
    return {"people": named, "more": occupants.count - len(named), "count": occupants.count}


def occupants_of(room: int) -> dict[str, Any]:
    """Return who is in a room, for a page that is rendered in any thread of the process."""
    for process in Process.every():
        return shown(process.registry.occupancy.of(room))
    return shown(NOBODY)
