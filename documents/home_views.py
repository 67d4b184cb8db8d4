"""The home page, and what can be done to documents from it.

Every action is a form that works without JavaScript; HTMX swaps the list in place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.middleware import HtmxDetails

from collab import access
from collab.engine.errors import CollabError
from collab.request import login_needed
from documents import actions, lobby, shelf
from documents.models import Document
from documents.request import DocumentRequest, for_document
from documents.shelf import View

Answer = Callable[..., HttpResponseBase]


class HomeRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User
    htmx: HtmxDetails


def with_login(view: Answer) -> Answer:
    """Send to the login page whoever is not logged in, also out of a fragment."""

    @wraps(view)
    def wrapped(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return login_needed(request)
        return view(request, *args, **kwargs)

    return wrapped


def with_way_out(view: Answer) -> Answer:
    """Answer what cannot be done with the list as it is now, and a notice that says so."""

    @wraps(view)
    def wrapped(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Http404:
            _say(request, _("This document is not there any more, or no longer shared with you."))
        except PermissionDenied:
            _say(request, _("You no longer have the right to do this."))
        except CollabError as error:
            _say(request, str(error))
        return _home(request)

    return wrapped


@require_GET
@cache_control(private=True, no_store=True)
@with_login
def document_list(request: HomeRequest) -> HttpResponse:
    """Show a view of the visitor's documents: the page, the list, or the rows after some."""
    view = _view_of(request.GET)
    rows, after = _number(request.GET), request.GET.get("after", "")
    user = access.visitor(request)
    page = shelf.page_of(user, view, after, shelf.ROWS if after else rows)
    if "view" not in request.GET and not page.rows:
        page = _first_with_rows(user)
    name = "list"
    if request.htmx and not request.htmx.history_restore_request:
        name = "_more" if after else "_list"
    return _render_list(request, name, page, rows)


@require_POST
@with_login
def create(request: HomeRequest) -> HttpResponse:
    """Create a document and open it."""
    kind = request.POST.get("kind", "")
    document = actions.create_document(
        actor=request.user,
        title=request.POST.get("title", ""),
        kind=kind if kind in Document.Kind else Document.Kind.RICH,
    )
    return redirect(document)


@require_http_methods(["GET", "POST"])
@with_login
@with_way_out
@for_document("write")
def rename(request: DocumentRequest) -> HttpResponse:
    """Ask for another title, or give it."""
    if request.method == "GET":
        return _ask(request, "rename")
    actions.rename(
        actor=request.visitor, shared=request.document, title=request.POST.get("title", "")
    )
    return _home(request)


@require_POST
@with_login
@with_way_out
@for_document("read")
def duplicate(request: DocumentRequest) -> HttpResponse:
    """Make a copy that the visitor owns."""
    copy = actions.duplicate(actor=request.visitor, document=request.document)
    _say(request, _("“%s” is made.") % copy, way_on=copy.get_absolute_url())
    return _home(request)


@require_POST
@with_login
@with_way_out
@for_document("share")
def trash(request: DocumentRequest) -> HttpResponse:
    """Move a document to the trash."""
    actions.trash(actor=request.visitor, shared=request.document)
    undo = reverse("documents:restore", args=[request.document.pk])
    _say(request, _("“%s” is in the trash.") % request.document, undo=undo)
    return _home(request)


@require_POST
@with_login
@with_way_out
@for_document("share")
def restore(request: DocumentRequest) -> HttpResponse:
    """Take a document out of the trash."""
    actions.restore(actor=request.visitor, shared=request.document)
    _say(request, _("“%s” is back.") % request.document)
    return _home(request)


@require_http_methods(["GET", "POST"])
@with_login
@with_way_out
@for_document("share")
def delete(request: DocumentRequest) -> HttpResponse:
    """Ask whether to delete a document for ever, or do it."""
    if request.method == "GET":
        return _ask(request, "delete")
    if actions.delete(actor=request.visitor, shared=request.document):
        _say(request, _("“%s” is deleted for ever.") % request.document)
    return _home(request)


@require_http_methods(["GET", "POST"])
@with_login
@with_way_out
@for_document("read")
def leave(request: DocumentRequest) -> HttpResponse:
    """Ask whether to give up one's own right to a document, or do it."""
    if request.method == "GET":
        return _ask(request, "leave")
    actions.leave(actor=request.visitor, shared=request.document)
    if access.abilities(request.visitor, request.document).read:
        _say(request, _("You still see “%s” through a group or a link.") % request.document)
    else:
        _say(request, _("“%s” is no longer shared with you.") % request.document)
    return _home(request)


def _first_with_rows(user: Any) -> shelf.Page:
    """Return what there is to see for somebody who has not opened anything yet."""
    for view in (View.OWNED, View.SHARED):
        page = shelf.page_of(user, view)
        if page.rows:
            return page
    return shelf.page_of(user, View.OWNED)


def _ask(request: DocumentRequest, question: str) -> HttpResponse:
    """Render a form that asks: for a dialog, or as a page."""
    name = f"documents/_{question}.html" if request.htmx else "documents/ask.html"
    context = {
        "document": request.document,
        "view": _view_of(request.GET),
        "form": f"documents/_{question}.html",
    }
    response = render(request, name, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _home(request: Any) -> HttpResponse:
    """Answer an action: the list as it is now with notices, or the way back to it."""
    view = _view_of(request.POST)
    if not request.htmx:
        return redirect(f"{reverse('documents:list')}?view={view.value}")
    rows = _number(request.POST)
    page = shelf.page_of(access.visitor(request), view, rows=rows)
    return _render_list(request, "_answer", page, rows)


def _render_list(request: Any, name: str, page: shelf.Page, shown: int) -> HttpResponse:
    context = {
        "page": page,
        "rows": [(row, lobby.occupants_of(row.document.room_id)) for row in page.rows],
        "shown": shown,
        "then_shown": shown + shelf.ROWS,
        "views": View,
        "now": int(time.time()),
    }
    response = render(request, f"documents/{name}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _view_of(fields: Any) -> View:
    name = fields.get("view", "")
    return View(name) if name in View else View.RECENT


def _number(fields: Any) -> int:
    """Return how many rows the page shows: a refresh takes none of them away."""
    rows = fields.get("rows", "")
    return int(rows) if rows.isdecimal() and len(rows) < 6 else shelf.ROWS


def _say(request: HttpRequest, text: str, *, undo: str = "", way_on: str = "") -> None:
    """Show a notice with the next page or fragment: what was done, and the way back or on."""
    tags = f"undo {undo}" if undo else f"open {way_on}" if way_on else ""
    messages.info(request, text, extra_tags=tags, fail_silently=True)
