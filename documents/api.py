"""Documents over HTTP: listing, making, naming, and what goes to the trash."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from channels.db import database_sync_to_async
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status
from pydantic import BaseModel, ConfigDict

from collab import access, grant_api, paging
from collab.access import Abilities
from collab.api import ApiError, errors, needs_account
from collab.models import Grant, Role
from collab.request import require
from collab.shared import clean_title
from documents import actions, content_api, files, version_api
from documents.content import rewrite
from documents.models import Document, DocumentQuerySet
from documents.request import find_document

router = Router(tags=["documents"])
router.add_router("", content_api.router)
router.add_router("", grant_api.router_for(Document))
router.add_router("", version_api.router)
router.add_router("", files.router)

Title = Annotated[str, Field(max_length=Document.TITLE_LENGTH)]
_LISTED = 50
_MOST_LISTED = 100


class NewDocument(BaseModel):
    # Not Ninja's Schema, which reads any value's attributes: a JSON string has a `title`.
    """A document to make. `format` is of `content`; a text takes its content as it is."""

    title: Title = ""
    kind: Literal["rich", "text"] = "rich"
    content: str | None = None
    format: Literal["markdown", "html"] = "markdown"


class DocumentChange(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = None
    trashed: bool | None = None


class DocumentOut(Schema):
    """A document, and what the asker is to it."""

    id: UUID
    title: str
    kind: Literal["rich", "text"]
    role: Literal["reader", "commenter", "editor", "owner"]
    url: str
    socket: str
    created_at: datetime
    updated_at: datetime
    trashed_at: datetime | None


class DocumentPage(Schema):
    """Some documents, latest edit first; `next` is the `cursor` of those that follow, or null."""

    documents: list[DocumentOut]
    next: str | None


@router.get("/documents", response={200: DocumentPage, **errors()}, summary="List documents")
async def index(
    request: HttpRequest,
    view: Literal["all", "owned", "shared", "trash"] = "all",
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _LISTED,
    cursor: Annotated[str, Query(max_length=100)] = "",
) -> Any:
    """List what the asker may see, latest edit first.

    `view` is `all`, `owned`, `shared` (given to them or their groups by others) or `trash` (owned
    and in the trash).
    """
    user = request.auth  # type: ignore[attr-defined]

    def read() -> dict[str, Any]:
        page = paging.page_of(_view(user, view), "updated_at", limit, cursor)
        roles = _roles(user, page.rows)
        return {
            "documents": [_shown(request, one, roles[one.room_id]) for one in page.rows],
            "next": page.after,
        }

    return await database_sync_to_async(read)()


@router.post(
    "/documents", response={201: DocumentOut, **errors(400, 413)}, summary="Create a document"
)
async def create(request: HttpRequest, new: NewDocument) -> Any:
    """Create a document that the asker owns, empty or with Markdown or HTML in it."""
    user = needs_account(request)

    def make() -> Document:
        state = None
        title = clean_title(new.title)
        if new.content is not None:
            source = new.content.replace("\0", "")
            tree = content_api.parse(source, new.format, new.kind)
            state = rewrite.new_state(tree, new.kind, title)
        return actions.create_document(actor=user, title=title, content=state, kind=new.kind)

    document = await database_sync_to_async(make)()
    return Status(201, _shown(request, document, Role.OWNER))


@router.get(
    "/documents/{uuid:document_id}",
    response={200: DocumentOut, **errors(404)},
    summary="Look at a document",
)
async def detail(request: HttpRequest, document_id: UUID) -> Any:
    """Return what is known of a document beside its content."""
    document, can = await find_document(request, document_id)
    return _shown(request, document, can.role)


@router.patch(
    "/documents/{uuid:document_id}",
    response={200: DocumentOut, **errors(400, 404, 409, 413)},
    summary="Rename, trash or restore a document",
)
async def change(request: HttpRequest, document_id: UUID, wanted: DocumentChange) -> Any:
    """Rename a document, move it to the trash, or restore it from there.

    A title takes an editor, the trash an owner. What lies in the trash is restored first, and what
    goes there is renamed before.
    """
    document, can = await find_document(request, document_id)
    user = request.auth  # type: ignore[attr-defined]
    if wanted.trashed is not None:
        require(can, "share")
    if wanted.title is not None and wanted.trashed is not False:
        require(can, "write")

    def do() -> tuple[Document, Abilities]:
        if wanted.trashed is False:
            actions.restore(actor=user, shared=document)
        if wanted.title is not None:
            actions.rename(actor=user, shared=document, title=wanted.title)
        if wanted.trashed:
            actions.trash(actor=user, shared=document)
        document.refresh_from_db()
        return document, access.abilities(user, document)

    document, can = await database_sync_to_async(do)()
    return _shown(request, document, can.role)


@router.delete(
    "/documents/{uuid:document_id}",
    response={204: None, **errors(404, 409)},
    summary="Delete a document",
)
async def delete(request: HttpRequest, document_id: UUID, forever: bool = False) -> Any:
    """Move a document to the trash, or delete one that is there with `?forever=true`.

    That takes an owner; what is deleted for ever is gone with its history and its images.
    """
    document, can = await find_document(request, document_id)
    require(can, "share")
    act = database_sync_to_async(actions.delete if forever else actions.trash)
    done = await act(actor=request.auth, shared=document)  # type: ignore[attr-defined]
    if forever and not done:
        raise ApiError(409, "not_in_trash", _("Move the document to the trash first."))
    return Status(204, None)


def _view(user: Any, view: str) -> DocumentQuerySet:
    match view:
        case "owned":
            return Document.objects.alive().owned_by(user)
        case "shared":
            return Document.objects.alive().lent_to(user)
        case "trash":
            return Document.objects.trashed().owned_by(user)
        case _:
            return Document.objects.shared_with(user)


def _roles(user: Any, documents: list[Document]) -> dict[int, Role]:
    """Return the highest role in each document's room: one query."""
    rooms = [document.room_id for document in documents]
    found = Grant.objects.filter(access.grants_of(user), room_id__in=rooms)
    roles: dict[int, list[str]] = {}
    for room, role in found.values_list("room_id", "role"):
        roles.setdefault(room, []).append(role)
    # Between the two queries a grant may have gone.
    return {room: access.highest(roles.get(room, ())) or Role.READER for room in rooms}


def _shown(request: HttpRequest, document: Document, role: Role | None) -> dict[str, Any]:
    return {
        "id": document.pk,
        "title": document.title,
        "kind": document.kind,
        "role": role,
        "url": request.build_absolute_uri(document.get_absolute_url()),
        "socket": f"/ws/documents/{document.pk}",
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        "trashed_at": document.trashed_at,
    }
