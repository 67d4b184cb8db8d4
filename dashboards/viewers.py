"""A dashboard's live socket: values and charts for who looks at it.

The page sends text frames of JSON, of at most 16 KiB, and is sent nothing before the first:

    {"type": "show", "from": "now-1h", "to": "now", "tz": "UTC", "variables": {"host": ["a"]},
     "held": {"<panel>": [base, last_at_ms]}, "layout": true, "language": "en"}
    {"type": "pause"}

Each `show` says anew what this socket shows; `held` is what the page still has of its charts, and
`layout: false` is for a page that arranges its panels by itself. It is sent text frames of
`<hx-partial>` elements, and binary ones of charts (`dashboards.frames`).

Who looks is among the people of the layout's room. Pages that may not write have no other socket:
this one tells them who is here, and what they may do.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from collab.consumers import LiveConsumer
from collab.engine.errors import CloseCode, CollabError, Refused, TooFast
from collab.engine.peer import Person
from collab.engine.room import Room
from collab.shared_consumers import Door, people_fragment, rights_fragment
from dashboards.groups import Group
from dashboards.hub import Hub, Open
from dashboards.layout.model import PANELS_AT_MOST
from dashboards.live import LAYOUT
from dashboards.models import Dashboard
from dashboards.selection import BadSelection, Selection, selection_of
from dashboards.ticks import NOTHING_HELD, Held, Tick

_FRAME_BYTES = 16 * 1024
_FIRST_SHOW_S = 10.0
# Each may be a selection that nobody has asked for yet.
_FRAMES_AT_MOST = 40
_FRAMES_S = 10.0
# Of thousands who look at one dashboard only the first are told to all of them, in each process.
_NAMED_AT_MOST = 30


class ViewerConsumer(Door, LiveConsumer):
    """One socket that looks at a dashboard.

    While it does not read it is owed what changed since it last did, put together when it reads
    again; what it has not been sent is nowhere kept.
    """

    model = Dashboard
    kind = LAYOUT

    _one: Open | None = None
    _group: Group | None = None
    _timer: asyncio.TimerHandle | None = None
    _stalled = False
    # What it was sent: up to which tick fragments, of which tick the grid, and which charts.
    _number = 0
    _grid_number = 0
    _held: Held = NOTHING_HELD
    _wants_grid = True
    # Who looks, if others see it.
    _person: Person | None = None
    # Has its page no other socket? Then what it was told of rights and people.
    _is_only = False
    _rights = ("", False)
    _untold = ""
    _people_version = -1

    async def enter(self) -> None:
        admission = await self.admit()
        self._taken_at: deque[float] = deque(maxlen=_FRAMES_AT_MOST)
        hub = Hub.current()
        dashboard_id: UUID = self.scope["url_route"]["kwargs"]["dashboard_id"]
        self._one = await hub.open(str(dashboard_id), admission.key)
        self._one.sockets.add(self)
        self._one.room.reconsider.add(self.reconsider)
        self._one.room.check_access(admission.access)
        self._rights = (admission.role, admission.may_write)
        self._is_only = not admission.may_write
        self._arrive(self._one.room, admission.person)
        self._timer = asyncio.get_running_loop().call_later(_FIRST_SHOW_S, self._wait_no_more)

    def _arrive(self, room: Room, person: Person | None) -> None:
        here = room.company.people.here()
        if person is not None and (len(here) < _NAMED_AT_MOST or person in here):
            self._person = person
            room.company.arrive(person)
        if self._is_only:
            room.company.people.watchers.add(self._tell_people)

    async def ask(self) -> None:
        admission = await self.admit()
        rights = (admission.role, admission.may_write)
        if rights != self._rights:
            self._rights = rights
            self._untold = rights_fragment(*rights)
            self._tell_people()

    def receive(self, frame: bytes) -> None:
        self.wire.close(CloseCode.REFUSED, _("This socket takes text frames only."))

    def receive_text(self, text: str) -> None:
        if self._one is None:
            return
        try:
            self._take(text)
        except CollabError as error:
            self.wire.close(error.code, str(error))

    def _take(self, text: str) -> None:
        self._spend()
        if len(text.encode()) > _FRAME_BYTES:
            raise Refused(_("A frame may have %d bytes at most.") % _FRAME_BYTES)
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Refused(_("This is not JSON.")) from error
        kind = asked.get("type") if isinstance(asked, dict) else None
        if kind == "show":
            self._show(asked)
        elif kind == "pause":
            self._pause()
        else:
            raise Refused(_("This socket knows “show” and “pause”."))

    def _show(self, asked: dict[str, Any]) -> None:
        selection, held = _selection_in(asked), _held_in(asked)
        if self._one is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pause()
        self._number = self._grid_number = 0
        self._held = held
        self._wants_grid = asked.get("layout", True) is not False
        self._group = Hub.current().group(self._one, selection)
        self._group.join(self)

    def _spend(self) -> None:
        now, taken_at = asyncio.get_running_loop().time(), self._taken_at
        if len(taken_at) == _FRAMES_AT_MOST and now - taken_at[0] < _FRAMES_S:
            raise TooFast(_("This page asks for too much at once; come back in a moment."))
        taken_at.append(now)

    def _pause(self) -> None:
        if self._group is not None:
            group, self._group = self._group, None
            group.leave(self)

    def _wait_no_more(self) -> None:
        self.wire.close(CloseCode.REFUSED, _("This socket waits for a “show” first."))

    # What is sent

    def follow(self, tick: Tick) -> None:
        """Send what this tick has that was not sent yet; nothing while the socket does not read."""
        if self._stalled:
            return
        text = self._text_of(tick)
        if text and not self.wire.takes_framed:
            self._stalled = not self.wire.write_text(text)
            if self._stalled:
                return  # Its charts come when it reads again.
        frame = None
        if self._held is not tick.held:
            frame = tick.frame_since(self._held)
            self._held = tick.held
        if self.wire.takes_framed:
            framed = tick.framed(text, frame)
            self._stalled = bool(framed) and not self.wire.write_framed(framed)
        elif frame is not None:
            self._stalled = not self.wire.write(frame)
        self._tell_people()

    def _tell_people(self) -> None:
        """Tell a page that has no other socket who is here and what it may, if it does not know."""
        if self._stalled or self._one is None or not self._is_only:
            return
        if self._group is None and not self._untold:
            return  # It pauses.
        room, text = self._one.room, self._untold
        version = room.company.people.version
        if version != self._people_version:
            text += people_fragment(room)
        self._untold, self._people_version = "", version
        if text:
            self._stalled = not self.wire.write_text(text)

    def _text_of(self, tick: Tick) -> str:
        """Return the fragments that were not sent yet, and take them for sent."""
        if self._number == tick.number:
            return ""
        if self._wants_grid and self._grid_number < tick.grid_number:
            text = tick.grid
        else:
            text = tick.text_since(self._number)
        self._number, self._grid_number = tick.number, tick.grid_number
        return text

    def beat(self, frame: bytes) -> None:
        """Send a frame without charts, so that the page knows that the server is there."""
        if not self._stalled:
            self._stalled = not self.wire.write(frame)

    def end(self) -> None:
        """Close so that the page comes back: what it shows is loaded again, or the server stops."""
        self.wire.close(CloseCode.RESTART, _("The dashboard is loaded again; come back."))

    def drained(self) -> None:
        self._stalled = False
        if self._group is not None and self._group.tick is not None:
            self.follow(self._group.tick)

    def leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._pause()
        if self._one is not None:
            self._one.sockets.discard(self)
            self._one.room.reconsider.discard(self.reconsider)
            company = self._one.room.company
            company.people.watchers.discard(self._tell_people)
            if self._person is not None:
                company.depart(self._person)
            self._one = None


def _selection_in(asked: dict[str, Any]) -> Selection:
    """Read the selection of a `show`. Raises Refused."""
    variables = asked.get("variables") or {}
    if not isinstance(variables, dict):
        raise Refused(_("“variables” are lists of values by name."))
    try:
        return selection_of(
            asked.get("from"), asked.get("to"), asked.get("tz"), variables,
            language=asked.get("language"),
        )  # fmt: skip
    except BadSelection as error:
        raise Refused(str(error)) from error


def _held_in(asked: dict[str, Any]) -> Held:
    """Read what a page still has. Raises Refused."""
    held = asked.get("held") or {}
    if not isinstance(held, dict) or len(held) > PANELS_AT_MOST:
        raise Refused(_("“held” are two numbers by panel."))
    for pair in held.values():
        is_pair = isinstance(pair, list) and len(pair) == 2
        if not is_pair or not all(type(n) in (int, float) and abs(n) < 2**53 for n in pair):
            raise Refused(_("“held” are two numbers by panel."))
    return {panel: (int(base), int(last_ms)) for panel, (base, last_ms) in held.items()}
