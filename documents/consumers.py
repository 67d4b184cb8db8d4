"""The sockets of documents: a room, who is in it, and lists."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import parse_qs

from django.utils.translation import gettext as _

from collab import lists, shared_consumers
from collab.access import Abilities
from collab.consumers import NotAdmitted
from collab.engine.errors import CloseCode
from collab.engine.room import RoomKind
from documents import actions
from documents.content import schema as schemas
from documents.live import DOCUMENT
from documents.models import Document

_SCHEMA_DIGITS = 4


class _Door(shared_consumers.Door):
    """Lets no page in that would delete what a newer editor wrote; `?schema=N` says its age."""

    model = Document
    kind: ClassVar[RoomKind] = DOCUMENT

    @classmethod
    def check(cls, scope: dict[str, Any], shared: Document, can: Abilities) -> None:
        """Compare schemas. Who says nothing is no editor of ours, and answers for itself."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        asked = query.get("schema", [""])[0]
        if not asked.isdecimal() or len(asked) > _SCHEMA_DIGITS:
            return
        # A page newer than the server, in the middle of a deploy, raises it no further than we
        # know.
        schema = min(int(asked), schemas.VERSION)
        if schema < shared.schema:
            raise NotAdmitted(
                CloseCode.OLD_PAGE,
                _("This document was edited with a newer editor. Reload the page."),
            )
        if can.write and schema > shared.schema:
            actions.note_schema(document=shared, schema=schema)


class DocumentConsumer(_Door, shared_consumers.SharedRoomConsumer):
    """The room's socket: y-protocols, see `collab.engine.protocol`."""


class PeopleConsumer(_Door, shared_consumers.PeopleConsumer):
    """Who is in a document, and what one may do to it."""


class ListConsumer(lists.ListConsumer):
    """A list of documents: who is in which, and that it changed."""

    model = Document
