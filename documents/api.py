"""Documents over HTTP."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema, Status
from pydantic import BaseModel

from collab import conf
from collab.api import ApiError, needs_account
from collab.process import Process
from documents import actions, content, files
from documents.live import DOCUMENT
from documents.models import Document
from documents.request import find_document

router = Router(tags=["documents"])
router.add_router("", files.router)


class NewDocument(BaseModel):
    # Not Ninja's Schema, which reads any value's attributes: a JSON string has a `title`.
    title: str = Field("", max_length=Document.TITLE_LENGTH)
    kind: Literal["rich", "text"] = "rich"


class DocumentOut(Schema):
    id: UUID
    title: str
    url: str
    socket: str


class Stored(Schema):
    seq: int


@router.post("/documents", response={201: DocumentOut}, summary="Create a document")
async def create(request: HttpRequest, new: NewDocument) -> Any:
    """Create a document that the asker owns."""
    make = database_sync_to_async(actions.create_document)
    document = await make(actor=needs_account(request), title=new.title, kind=new.kind)
    return Status(201, {
        "id": document.pk,
        "title": document.title,
        "url": request.build_absolute_uri(document.get_absolute_url()),
        "socket": f"/ws/documents/{document.pk}",
    })  # fmt: skip


@router.post("/documents/{uuid:document_id}/updates", response=Stored, summary="Add an update")
async def add_update(request: HttpRequest, document_id: UUID) -> Any:
    """Apply a Yjs V1 update (application/octet-stream), as the document's socket would.

    The answer comes when the update is durable. For what is too large for a frame.
    """
    document, can = await find_document(request, document_id)
    if not can.write:
        raise ApiError(403, "read_only", _("You may read this document, not change it."))
    if request.content_type != "application/octet-stream":
        raise ApiError(
            415, "wrong_content_type", _("Send the update's bytes as application/octet-stream.")
        )
    update = _body(request, conf.get("UPLOAD_BYTES"))
    process = Process.current()
    room = await process.registry.lease(document.room_id, DOCUMENT)
    try:
        return {"seq": await room.submit((await _asker(request)).pk, update)}
    finally:
        process.registry.release(room)


@router.get("/documents/{uuid:document_id}/content", summary="Read a document")
async def read_content(
    request: HttpRequest, document_id: UUID, format: Literal["yjs", "text", "html"] = "html"
) -> HttpResponse:
    """Return the live content: a Yjs V1 update of all of it, plain text, or sanitised HTML."""
    document, _can = await find_document(request, document_id)
    process = Process.current()
    room = await process.registry.lease(document.room_id, DOCUMENT)
    try:
        state = room.replica.encode()
    finally:
        process.registry.release(room)
    if format == "yjs":
        return HttpResponse(state, content_type="application/octet-stream")
    # A copy of its own, off the loop: rendering a large document takes a while.
    render = database_sync_to_async(_render, thread_sensitive=False, executor=process.pool)
    kind = "text/html" if format == "html" else "text/plain"
    return HttpResponse(await render(state, format), content_type=f"{kind}; charset=utf-8")


def _render(state: bytes, format: str) -> str:
    replica = content.replica_of(state)
    return content.as_html(replica) if format == "html" else content.as_text(replica)


async def _asker(request: HttpRequest) -> Any:
    return request.auth  # type: ignore[attr-defined]


def _body(request: HttpRequest, max_bytes: int) -> bytes:
    """Read a request's body up to a bound of its own; Django's is for forms."""
    if int(request.headers.get("Content-Length") or 0) <= max_bytes:
        body = request.read(max_bytes + 1)
        if len(body) <= max_bytes:
            return body
    raise ApiError(
        413, "too_large", _("An update may have %d bytes at most; send it in parts.") % max_bytes
    )
