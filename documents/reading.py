"""A document as a page without a script: for browsers that run none, and for paper."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from collab import edits
from collab.shared import clean_title
from documents import actions, content
from documents.request import DocumentRequest, for_document


@require_GET
@for_document("read")
def read(request: DocumentRequest) -> HttpResponse:
    """Show what is stored of a document now, rendered and sanitised.

    It is a page of its own, so that opening the editor does not pay for it.
    """
    document = request.document
    if request.visitor.is_authenticated:
        actions.note_visit(actor=request.visitor, shared=document)
    replica = content.replica_of(edits.state_of(document.room_id))
    html = content.as_html(replica, document.kind, document.get_absolute_url())
    context = {
        "document": document,
        "title": clean_title(content.title_of(replica)),
        # What nh3 has let through, or the escaped words of a text.
        "body": SafeString(html),
    }
    response = render(request, "documents/reading.html", context)
    response["Cache-Control"] = "private, no-cache"
    return response
