"""A document's history over HTTP: for who may write in it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Field, Query, Router, Schema, Status
from pydantic import BaseModel, ConfigDict

from collab import history
from collab.access import Abilities
from collab.api import errors
from collab.models import Version
from collab.request import require
from documents import versions
from documents.content_api import CONTENT_TYPES, Format, in_thread
from documents.models import Document
from documents.request import find_document
from documents.versions import Shown

router = Router(tags=["versions"])

_MOST_LISTED = 100
# Databases' numbers end there.
_END = 2**63
Seq = Annotated[int, Field(ge=1, lt=_END)]


class Author(Schema):
    """Somebody with an account."""

    id: str
    name: str


class VersionOut(Schema):
    """One author's edits without a long rest, named by the last of them.

    `author` is null for somebody without an account, `name` for a version without one. `edits` is 0
    where only the name is left: the edits were folded.
    """

    seq: int
    from_seq: int
    author: Author | None
    started_at: datetime
    ended_at: datetime
    edits: int
    name: str | None


class VersionPage(Schema):
    """Some versions, newest first; `next` is the `cursor` of those before, or null."""

    versions: list[VersionOut]
    next: int | None


class NewName(BaseModel):
    """A name for a version, or for the document as it is now."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=Version.NAME_LENGTH)]
    seq: Seq | None = None


class NamedVersion(Schema):
    """A version that is kept for ever. `created_at` is when the last of its edits was made."""

    seq: int
    name: str
    created_at: datetime


class RestoredVersion(Schema):
    """The seq of the edit that restored it, or of the last one if nothing had to change."""

    seq: int


_READ = {
    "responses": {
        200: {
            "description": "The content",
            "content": {
                kind.partition(";")[0]: {"schema": {} if name == "json" else {"type": "string"}}
                for name, kind in CONTENT_TYPES.items()
            },
        }
    }
}


@router.get(
    "/documents/{uuid:document_id}/versions",
    response={200: VersionPage, **errors(404)},
    summary="List versions",
)
async def index(
    request: HttpRequest,
    document_id: UUID,
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = history.PAGE,
    cursor: Annotated[int | None, Query(ge=1, lt=_END)] = None,
) -> Any:
    """List who wrote when, newest first."""
    document, _can = await _written(request, document_id)

    def read() -> dict[str, Any]:
        page = history.timeline(document.room, before=cursor, limit=limit)
        shown = versions.with_people(page.entries)
        return {"versions": [_shown(version) for version in shown], "next": page.before}

    return await database_sync_to_async(read)()


@router.post(
    "/documents/{uuid:document_id}/versions",
    response={201: NamedVersion, **errors(400, 404, 409, 413)},
    summary="Name a version",
)
async def name(request: HttpRequest, document_id: UUID, new: NewName) -> Any:
    """Give a version a name, or another one; without `seq`, the document as it is now.

    Names that others gave are for owners to change. There are 1000 names at most.
    """
    document, can = await _written(request, document_id)
    give = in_thread(history.name_version)
    named = await give(
        actor=_account(request), room=document.room, name=new.name, seq=new.seq, as_owner=can.share
    )
    return Status(201, named)


@router.get(
    "/documents/{uuid:document_id}/versions/{int:seq}",
    response={200: None, **errors(404)},
    summary="Read a version",
    openapi_extra=_READ,
)
async def read_version(
    request: HttpRequest, document_id: UUID, seq: int, format: Format = "html"
) -> HttpResponse:
    """Return the document as it was after an edit, in the formats of its content."""
    document, _can = await _written(request, document_id)
    body = await in_thread(_render)(document, _in_bounds(seq), format)
    return HttpResponse(body, content_type=CONTENT_TYPES[format])


@router.delete(
    "/documents/{uuid:document_id}/versions/{int:seq}",
    response={204: None, **errors(404)},
    summary="Take a version's name away",
)
async def unname(request: HttpRequest, document_id: UUID, seq: int) -> Any:
    """Take a version's name away: for owners, and who gave it. Its edits stay as others do."""
    document, can = await _written(request, document_id)
    take = database_sync_to_async(history.unname_version)
    await take(actor=_account(request), room=document.room, seq=_in_bounds(seq), as_owner=can.share)
    return Status(204, None)


@router.post(
    "/documents/{uuid:document_id}/versions/{int:seq}/restore",
    response={200: RestoredVersion, **errors(404, 409)},
    summary="Restore a version",
)
async def restore(
    request: HttpRequest,
    document_id: UUID,
    seq: int,
    since: Annotated[int | None, Query(ge=1, lt=_END)] = None,
) -> Any:
    """Make the document what it was after an edit, by an edit: what others write meanwhile stays.

    With `since`, only what changed from there to the edit `since` is taken back. So a restore that
    was answered with N is undone by restoring N - 1 since N: what was written after it stays.
    """
    document, _can = await _written(request, document_id)
    bring_back = in_thread(versions.restore)
    user = request.auth  # type: ignore[attr-defined]
    restored = await bring_back(actor=user, document=document, seq=_in_bounds(seq), since=since)
    return {"seq": restored.seq}


async def _written(request: HttpRequest, document_id: UUID) -> tuple[Document, Abilities]:
    document, can = await find_document(request, document_id)
    require(can, "write")
    return document, can


def _account(request: HttpRequest) -> Any:
    """Return the asker if they have an account, else None."""
    user = request.auth  # type: ignore[attr-defined]
    return user if user.is_authenticated else None


def _in_bounds(seq: int) -> int:
    if seq >= _END:
        raise Http404
    return seq


def _shown(version: Shown) -> dict[str, Any]:
    entry, person = version.entry, version.person
    return {
        "seq": entry.seq,
        "from_seq": entry.from_seq,
        "author": {"id": person["id"], "name": person["name"]} if person["id"] else None,
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "edits": entry.edits,
        "name": entry.name,
    }


def _render(document: Document, seq: int, format: Format) -> str | bytes:
    if format == "yjs":
        return history.state_at(document.room_id, seq)
    return versions.written(document, seq, format)
