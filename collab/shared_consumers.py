"""The two sockets of a shared object: its room, and who is in it."""

from __future__ import annotations

from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from collab import access, people
from collab.access import Abilities
from collab.consumers import Admission, LiveConsumer, NotAdmitted, RoomConsumer
from collab.engine.errors import CloseCode
from collab.engine.room import Room, RoomKind
from collab.process import Process
from collab.shared import SharedObject


def find(scope: dict[str, Any], model: type[SharedObject]) -> tuple[Any, SharedObject, Abilities]:
    """Find out who a socket belongs to, and the object of its URL with what they may do to it.

    The URL has the object's primary key under the kind's name, as `document_id`.

    Raises:
        NotAdmitted: nobody (4401), or no object that they may see (4404).
    """
    user: Any = access.user_of_scope(scope)
    noun = model._meta.verbose_name
    if not user.is_authenticated and not access.links_of(user):
        raise NotAdmitted(CloseCode.NO_LOGIN, _("Log in to open this %s.") % noun)
    pk = scope["url_route"]["kwargs"][f"{model.KIND}_id"]
    shared, can = model.objects.seen_by(user, pk)
    if shared is None or not can.read:
        # Missing and forbidden look the same.
        raise NotAdmitted(
            CloseCode.NO_SUCH_DOCUMENT, _("There is no such %s.") % noun, gone=shared is None
        )
    return user, shared, can


class Door:
    """What the sockets of an object have in common: who is let in. `model` and `kind` say to what.

    A mixin of consumers. Admission is asked for when a socket comes, and whenever rights change.
    """

    model: ClassVar[type[SharedObject]]
    kind: ClassVar[RoomKind]
    scope: dict[str, Any]

    @classmethod
    def admission_of(cls, scope: dict[str, Any]) -> Admission:
        """Find out what a socket may enter; queries.

        Raises:
            NotAdmitted: it may not.
        """
        user, shared, can = find(scope, cls.model)
        cls.check(scope, shared, can)
        return Admission(
            key=shared.room_id,
            epoch=shared.room.epoch,
            author=user.pk,
            person=people.person_of(user, getattr(scope.get("collab.credential"), "session", None)),
            may_write=can.write,
            access=shared.room.access,
            role=can.role or "",
        )

    @classmethod
    def check(cls, scope: dict[str, Any], shared: Any, can: Abilities) -> None:
        """Refuse a socket for a reason of the model's own. Raises NotAdmitted."""

    async def admit(self) -> Admission:
        pool = Process.current().pool
        in_pool = database_sync_to_async(self.admission_of, thread_sensitive=False, executor=pool)
        admission: Admission = await in_pool(self.scope)
        return admission


class SharedRoomConsumer(Door, RoomConsumer):
    """The room's socket: y-protocols, see `collab.engine.protocol`."""


def rights_fragment(role: str, may_write: bool) -> str:
    """Render what a person may do, for their page."""
    html = render_to_string("shared/_rights.html", {"role": role, "can_write": may_write})
    return f'<hx-partial hx-target="#rights" hx-swap="outerMorph">{html}</hx-partial>'


# One rendering per room and change, not per viewer.
_people: WeakKeyDictionary[Room, tuple[list[Any], str]] = WeakKeyDictionary()


def people_fragment(room: Room) -> str:
    """Render who is in a room, for pages that show it; the same text until somebody changes."""
    now = room.company.people.all()
    known = _people.get(room)
    if known is None or known[0] != now:
        html = render_to_string("shared/_people.html", {"people": people.shown(now)})
        partial = f'<hx-partial hx-target="#people" hx-swap="outerMorph">{html}</hx-partial>'
        known = _people[room] = (now, partial)
    return known[1]


class PeopleConsumer(Door, LiveConsumer):
    """Who is in a room, and what one may do to it, as HTML fragments that HTMX swaps in."""

    _room: Room | None = None
    _rights: tuple[str, bool] | None = None
    _untold = ""
    _stalled = False
    _stale = False

    async def enter(self) -> None:
        admission = await self.admit()
        self._rights = (admission.role, admission.may_write)
        # They may have changed since the page was made, or while its socket was away.
        self._untold = rights_fragment(*self._rights)
        self._room = await Process.current().registry.lease(admission.key, self.kind)
        self._room.company.people.watchers.add(self._tell)
        self._room.reconsider.add(self.reconsider)
        self._room.check_access(admission.access)
        self._tell()

    async def ask(self) -> None:
        admission = await self.admit()
        rights = (admission.role, admission.may_write)
        if rights != self._rights:
            # A page that may write now, or no more, says so.
            self._rights = rights
            self._untold = rights_fragment(*rights)
            self._tell()

    def receive(self, frame: bytes) -> None:
        self.receive_text("")

    def drained(self) -> None:
        self._stalled = False
        if self._stale:
            self._tell()

    def leave(self) -> None:
        if self._room is not None:
            self._room.company.people.watchers.discard(self._tell)
            self._room.reconsider.discard(self.reconsider)
            Process.current().registry.release(self._room)
            self._room = None

    def _tell(self) -> None:
        """Send the fragment, or the latest one when the socket reads again."""
        if self._room is None:
            return
        if self._room.closed:
            self.wire.close(CloseCode.RESTART, _("It is loaded again; come back."))
            return
        self._stale = self._stalled
        if not self._stalled:
            untold, self._untold = self._untold, ""
            self._stalled = not self.wire.write_text(people_fragment(self._room) + untold)
