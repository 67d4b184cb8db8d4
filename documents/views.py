"""A document's page, and making one."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from collab import conf, people
from collab.access import Abilities
from collab.engine.peer import Person
from collab.list_views import ListRequest, with_login
from documents import actions
from documents.content import schema
from documents.models import Document
from documents.request import DocumentRequest, for_document

_PAGES = {Document.Kind.RICH.value: "detail.html", Document.Kind.TEXT.value: "text.html"}


# A guest's page has no form that would bring the token which uploads are sent with.
@require_GET
@ensure_csrf_cookie
@for_document("read")
def detail(request: DocumentRequest) -> HttpResponse:
    """Show the editor."""
    document, can = request.document, request.can
    if request.visitor.is_authenticated:
        actions.note_visit(actor=request.visitor, shared=document)
    person = people.person_of(request.visitor, request.session.session_key)
    return render(
        request,
        f"documents/{_PAGES[document.kind]}",
        {
            "document": document,
            "role": can.role,
            "can": can,
            "can_write": can.write,
            "people": people.shown([(person, 1)]),
            "config": _config(document, can, person),
        },
    )


@require_POST
@with_login
def create(request: ListRequest) -> HttpResponse:
    """Create a document and open it."""
    kind = request.POST.get("kind", "")
    document = actions.create_document(
        actor=request.user,
        title=request.POST.get("title", ""),
        kind=kind if kind in Document.Kind else Document.Kind.RICH,
    )
    return redirect(document)


def _config(document: Document, can: Abilities, person: Person) -> dict[str, Any]:
    """What the page's scripts need to know."""
    color = people.color_of(person)
    return {
        "documentId": str(document.pk),
        "kind": document.kind,
        "schema": schema.VERSION,
        "socketUrl": f"/ws/documents/{document.pk}",
        "updatesUrl": f"/api/documents/{document.pk}/updates",
        "filesUrl": f"/api/documents/{document.pk}/files",
        "canWrite": can.write,
        "role": can.role,
        "epoch": document.room.epoch,
        "user": {
            "id": person.id, "name": person.name, "color": color, "colorLight": color + "33",
        },
        "maxFrameBytes": min(conf.get("FRAME_BYTES") - 16, 2**20),
        "maxUploadBytes": conf.get("UPLOAD_BYTES"),
        "maxImageBytes": conf.get("IMAGE_BYTES"),
    }  # fmt: skip
