"""Documents over HTTP: listing, making, naming, and what goes to the trash."""

from __future__ import annotations

from typing import Any, Literal

from channels.db import database_sync_to_async
from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import BaseModel

from collab import grant_api, shared_api, update_api
from collab.api import errors, needs_account
from collab.models import Role
from collab.shared import clean_title
from collab.shared_api import PAGE, Cursor, Limit, SharedOut, Title, View
from documents import actions, content_api, files, version_api
from documents.content import rewrite
from documents.live import DOCUMENT
from documents.models import Document

router = Router(tags=["documents"])
router.add_router("", content_api.router)
router.add_router("", update_api.router_for(Document, DOCUMENT))
router.add_router("", grant_api.router_for(Document))
router.add_router("", version_api.router)
router.add_router("", files.router)


class NewDocument(BaseModel):
    # Not Ninja's Schema, which reads any value's attributes: a JSON string has a `title`.
    """A document to make. `format` is of `content`; a text takes its content as it is."""

    title: Title = ""
    kind: Literal["rich", "text"] = "rich"
    content: str | None = None
    format: Literal["markdown", "html"] = "markdown"


class DocumentOut(SharedOut):
    """A document, and what the asker is to it."""

    kind: Literal["rich", "text"]


class DocumentPage(Schema):
    """Some documents, latest edit first; `next` is the `cursor` of those that follow, or null."""

    documents: list[DocumentOut]
    next: str | None


@router.get("/documents", response={200: DocumentPage, **errors()}, summary="List documents")
async def index(
    request: HttpRequest, view: View = "all", limit: Limit = PAGE, cursor: Cursor = ""
) -> Any:
    """List what the asker may see, latest edit first.

    `view` is `all`, `owned`, `shared` (given to them or their groups by others) or `trash` (owned
    and in the trash).
    """
    user = request.auth  # type: ignore[attr-defined]

    def read() -> dict[str, Any]:
        found, after = shared_api.page(user, Document, view, limit, cursor)
        return {"documents": [_shown(request, *one) for one in found], "next": after}

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


def _shown(request: HttpRequest, document: Document, role: Role | None) -> dict[str, Any]:
    return shared_api.shown(request, document, role) | {
        "kind": document.kind,
        "socket": f"/ws/documents/{document.pk}",
    }


router.add_router("", shared_api.router_for(Document, DocumentOut, _shown))
