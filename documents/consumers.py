"""A document's two sockets: its room, and who is in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from collab import access, people
from collab.consumers import Admission, LiveConsumer, NotAdmitted, RoomConsumer
from collab.engine.errors import CloseCode
from collab.engine.room import Room
from collab.process import Process
from documents import actions
from documents.content import schema as schemas
from documents.live import DOCUMENT
from documents.models import Document

_SCHEMA_DIGITS = 4


def admit(scope: dict[str, Any]) -> Admission:
    """Find out who a socket belongs to and what it may do to the document of its URL.

    Raises:
        NotAdmitted: nobody (4401), or no document that they may see (4404).
    """
    user: Any = access.user_of_scope(scope)
    if not user.is_authenticated and not access.links_of(user):
        raise NotAdmitted(CloseCode.NO_LOGIN, _("Log in to open this document."))
    document_id: UUID = scope["url_route"]["kwargs"]["document_id"]
    document, can = Document.objects.seen_by(user, document_id)
    if document is None or not can.read:
        # Missing and forbidden look the same.
        raise NotAdmitted(
            CloseCode.NO_SUCH_DOCUMENT, _("There is no such document."), gone=document is None
        )
    _check_schema(scope, document, can)
    return Admission(
        key=document.room_id,
        epoch=document.room.epoch,
        author=user.pk,
        person=people.person_of(user, getattr(scope.get("collab.credential"), "session", None)),
        may_write=can.write,
        access=document.room.access,
        role=can.role or "",
    )


def _check_schema(scope: dict[str, Any], document: Document, can: access.Abilities) -> None:
    """Let no page in that would delete what a newer editor wrote; `?schema=N` says how old it is.

    Who says nothing is no editor of ours, and answers for itself.
    """
    query = parse_qs(scope["query_string"].decode("latin-1"))
    asked = query.get("schema", [""])[0]
    if not asked.isdecimal() or len(asked) > _SCHEMA_DIGITS:
        return
    # A page newer than the server, in the middle of a deploy, raises it no further than we know.
    schema = min(int(asked), schemas.VERSION)
    if schema < document.schema:
        raise NotAdmitted(
            CloseCode.OLD_PAGE, _("This document was edited with a newer editor. Reload the page.")
        )
    if can.write and schema > document.schema:
        actions.note_schema(document=document, schema=schema)


async def _admit(scope: dict[str, Any]) -> Admission:
    in_pool = database_sync_to_async(admit, thread_sensitive=False, executor=Process.current().pool)
    admission: Admission = await in_pool(scope)
    return admission


class DocumentConsumer(RoomConsumer):
    """The room's socket: y-protocols, see `collab.engine.protocol`."""

    kind = DOCUMENT

    async def admit(self) -> Admission:
        return await _admit(self.scope)


def _rights_fragment(role: str, may_write: bool) -> str:
    html = render_to_string("documents/_rights.html", {"role": role, "can_write": may_write})
    return f'<hx-partial hx-target="#rights" hx-swap="outerMorph">{html}</hx-partial>'


class PeopleConsumer(LiveConsumer):
    """Who is in a document, and what one may do to it, as HTML fragments that HTMX swaps in."""

    # One rendering per room and change, not per viewer.
    _rendered: WeakKeyDictionary[Room, tuple[list[Any], str]] = WeakKeyDictionary()

    _room: Room | None = None
    _rights: tuple[str, bool] | None = None
    _untold = ""
    _stalled = False
    _stale = False

    async def enter(self) -> None:
        admission = await _admit(self.scope)
        self._rights = (admission.role, admission.may_write)
        # They may have changed since the page was made, or while its socket was away.
        self._untold = _rights_fragment(*self._rights)
        self._room = await Process.current().registry.lease(admission.key, DOCUMENT)
        self._room.company.people.watchers.add(self._tell)
        self._room.reconsider.add(self.reconsider)
        self._room.check_access(admission.access)
        self._tell()

    async def ask(self) -> None:
        admission = await _admit(self.scope)
        rights = (admission.role, admission.may_write)
        if rights != self._rights:
            # A page that may write now, or no more, says so.
            self._rights = rights
            self._untold = _rights_fragment(*rights)
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
            self.wire.close(CloseCode.RESTART, _("The document is loaded again; come back."))
            return
        self._stale = self._stalled
        if not self._stalled:
            untold, self._untold = self._untold, ""
            self._stalled = not self.wire.write_text(self._fragment(self._room) + untold)

    @classmethod
    def _fragment(cls, room: Room) -> str:
        now = room.company.people.all()
        known = cls._rendered.get(room)
        if known is None or known[0] != now:
            html = render_to_string("documents/_people.html", {"people": people.shown(now)})
            partial = f'<hx-partial hx-target="#people" hx-swap="outerMorph">{html}</hx-partial>'
            known = cls._rendered[room] = (now, partial)
        return known[1]
