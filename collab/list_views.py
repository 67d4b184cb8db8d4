"""Lists of a person's objects, and what can be done to them from there.

Every action is a form that works without JavaScript; HTMX swaps the list in place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.middleware import HtmxDetails

from collab import access, actions, lobby, shelf
from collab.engine.errors import CollabError
from collab.request import SharedRequest, for_shared, login_needed
from collab.shared import SharedObject
from collab.shelf import View

Answer = Callable[..., HttpResponseBase]


class Copy(Protocol):
    def __call__(self, *, actor: Any, shared: Any) -> SharedObject:
        """Make a copy of an object, which the actor owns."""


class ListRequest(HttpRequest):
    """A request of somebody who is logged in."""

    user: User
    htmx: HtmxDetails


def urls_of(model: type[SharedObject], copy: Copy) -> list[URLPattern]:
    """Return the patterns of what lists do, under the address of one object.

    The list itself is named `list`, what makes an object `create`. Its page is the template
    `<pages>/list.html`, which says how to make one and where the list's socket is; what it says
    when there is nothing in a view is `<pages>/_empty.html`.
    """
    of = {"model": model}
    return [
        path("rename/", rename, of, name="rename"),
        path("duplicate/", duplicate, {**of, "copy": copy}, name="duplicate"),
        path("trash/", trash, of, name="trash"),
        path("restore/", restore, of, name="restore"),
        path("delete/", delete, of, name="delete"),
        path("leave/", leave, of, name="leave"),
    ]


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
    def wrapped(request: Any, *, model: type[SharedObject], **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, model=model, **kwargs)
        except Http404:
            noun = model._meta.verbose_name
            gone = _("This %s is not there any more, or no longer shared with you.") % noun
            _say(request, gone)
        except PermissionDenied:
            _say(request, _("You no longer have the right to do this."))
        except CollabError as error:
            _say(request, str(error))
        return _back(request, model)

    return wrapped


@require_GET
@cache_control(private=True, no_store=True)
@with_login
def show(request: ListRequest, model: type[SharedObject]) -> HttpResponse:
    """Show a view of the visitor's objects: the page, the list, or the rows after some."""
    view = _view_of(request.GET)
    rows, after = _number(request.GET), request.GET.get("after", "")
    user = access.visitor(request)
    page = shelf.page_of(model, user, view, after, shelf.ROWS if after else rows)
    if "view" not in request.GET and not page.rows:
        page = _first_with_rows(model, user)
    template = f"{model.PAGES}/list.html"
    if request.htmx and not request.htmx.history_restore_request:
        template = "shared/_more.html" if after else "shared/_list.html"
    return _render_list(request, model, template, page, rows)


@require_http_methods(["GET", "POST"])
@with_login
@with_way_out
@for_shared("write")
def rename(request: SharedRequest) -> HttpResponse:
    """Ask for another title, or give it."""
    if request.method == "GET":
        return _ask(request, "rename")
    actions.rename(
        actor=request.visitor, shared=request.shared, title=request.POST.get("title", "")
    )
    return _back(request, type(request.shared))


@require_POST
@with_login
@with_way_out
@for_shared("read")
def duplicate(request: SharedRequest, copy: Copy) -> HttpResponse:
    """Make a copy that the visitor owns."""
    made = copy(actor=request.visitor, shared=request.shared)
    _say(request, _("“%s” is made.") % made, way_on=made.get_absolute_url())
    return _back(request, type(request.shared))


@require_POST
@with_login
@with_way_out
@for_shared("share")
def trash(request: SharedRequest) -> HttpResponse:
    """Move an object to the trash."""
    shared = request.shared
    actions.trash(actor=request.visitor, shared=shared)
    _say(request, _("“%s” is in the trash.") % shared, undo=shared.page("restore"))
    return _back(request, type(shared))


@require_POST
@with_login
@with_way_out
@for_shared("share")
def restore(request: SharedRequest) -> HttpResponse:
    """Take an object out of the trash."""
    actions.restore(actor=request.visitor, shared=request.shared)
    _say(request, _("“%s” is back.") % request.shared)
    return _back(request, type(request.shared))


@require_http_methods(["GET", "POST"])
@with_login
@with_way_out
@for_shared("share")
def delete(request: SharedRequest) -> HttpResponse:
    """Ask whether to delete an object for ever, or do it."""
    if request.method == "GET":
        return _ask(request, "delete")
    if actions.delete(actor=request.visitor, shared=request.shared):
        _say(request, _("“%s” is deleted for ever.") % request.shared)
    return _back(request, type(request.shared))


@require_http_methods(["GET", "POST"])
@with_login
@with_way_out
@for_shared("read")
def leave(request: SharedRequest) -> HttpResponse:
    """Ask whether to give up one's own right to an object, or do it."""
    if request.method == "GET":
        return _ask(request, "leave")
    actions.leave(actor=request.visitor, shared=request.shared)
    if access.abilities(request.visitor, request.shared).read:
        _say(request, _("You still see “%s” through a group or a link.") % request.shared)
    else:
        _say(request, _("“%s” is no longer shared with you.") % request.shared)
    return _back(request, type(request.shared))


def _first_with_rows(model: type[SharedObject], user: Any) -> shelf.Page:
    """Return what there is to see for somebody who has not opened anything yet."""
    for view in (View.OWNED, View.SHARED):
        page = shelf.page_of(model, user, view)
        if page.rows:
            return page
    return shelf.page_of(model, user, View.OWNED)


def _ask(request: SharedRequest, question: str) -> HttpResponse:
    """Render a form that asks: for a dialog, or as a page."""
    form = f"shared/_{question}.html"
    context = {
        "shared": request.shared,
        "list_url": request.shared.list_url(),
        "view": _view_of(request.GET),
        "form": form,
    }
    response = render(request, form if request.htmx else "shared/ask.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _back(request: Any, model: type[SharedObject]) -> HttpResponse:
    """Answer an action: the list as it is now with notices, or the way back to it."""
    view = _view_of(request.POST)
    if not request.htmx:
        return redirect(f"{model.list_url()}?view={view.value}")
    rows = _number(request.POST)
    page = shelf.page_of(model, access.visitor(request), view, rows=rows)
    return _render_list(request, model, "shared/_answer.html", page, rows)


def _render_list(
    request: Any, model: type[SharedObject], template: str, page: shelf.Page, shown: int
) -> HttpResponse:
    context = {
        "model": model,
        "heading": capfirst(str(model._meta.verbose_name_plural)),
        "list_url": model.list_url(),
        "create_url": reverse(f"{model.PAGES}:create"),
        "empty_template": f"{model.PAGES}/_empty.html",
        "page": page,
        "rows": [(row, lobby.occupants_of(row.shared.room_id)) for row in page.rows],
        "shown": shown,
        "then_shown": shown + shelf.ROWS,
        "views": View,
        "now": int(time.time()),
    }
    response = render(request, template, context)
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
