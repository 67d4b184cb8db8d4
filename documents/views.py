"""Documents' pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from collab import access, conf
from collab.access import Abilities
from documents import actions, people
from documents.models import Document

# The list's newest page; a search and paging come with the number of documents.
_LISTED = 200


class LoggedInRequest(HttpRequest):
    """A request that `login_required` let through."""

    user: User


@require_GET
@login_required
def document_list(request: LoggedInRequest) -> HttpResponse:
    """Show the documents that the visitor has a role in."""
    documents = Document.objects.shared_with(request.user)[:_LISTED]
    return render(request, "documents/list.html", {"documents": documents})


@require_POST
@login_required
def create(request: LoggedInRequest) -> HttpResponse:
    """Create a document and open it."""
    document = actions.create_document(actor=request.user, title=request.POST.get("title", ""))
    return redirect(document)


@require_GET
@login_required
def detail(request: LoggedInRequest, document_id: UUID) -> HttpResponse:
    """Show the editor. Missing and forbidden look the same."""
    document = get_object_or_404(Document.objects.select_related("room"), pk=document_id)
    can = access.abilities(request.user, document)
    if not can.read:
        raise Http404
    return render(
        request,
        "documents/detail.html",
        {
            "document": document,
            "role": can.role,
            "can_write": can.write,
            "people": people.shown([(people.person_of(request.user), 1)]),
            "config": _config(document, can, request.user),
        },
    )


def _config(document: Document, can: Abilities, user: User) -> dict[str, Any]:
    """What the page's scripts need to know."""
    person = people.person_of(user)
    color = people.color_of(person)
    return {
        "documentId": str(document.pk),
        "socketUrl": f"/ws/documents/{document.pk}",
        "updatesUrl": f"/api/documents/{document.pk}/updates",
        "canWrite": can.write,
        "role": can.role,
        "epoch": document.room.epoch,
        "user": {
            "id": person.id, "name": person.name, "color": color, "colorLight": color + "33",
        },
        "maxFrameBytes": min(conf.get("FRAME_BYTES") - 16, 2**20),
        "maxUploadBytes": conf.get("UPLOAD_BYTES"),
    }  # fmt: skip
