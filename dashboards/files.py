"""Layouts as files, on the pages: one to keep, and a new dashboard from one."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_http_methods

from collab import edits
from collab.engine.replica import replica_of
from collab.list_views import ListRequest, with_login
from dashboards import actions
from dashboards.layout import exchange
from dashboards.layout.exchange import BadLayout, Problem
from dashboards.layout.model import Layout
from dashboards.layout.read import layout_of
from dashboards.models import Dashboard
from dashboards.request import DashboardRequest, for_dashboard

# All panels that a layout may have, each with a text as long as it may be, are about as much.
_FILE_BYTES = 4 * 2**20
# Editors on Windows begin a file with it.
_BOM = b"\xef\xbb\xbf"


@require_GET
@cache_control(private=True, no_store=True)
@for_dashboard("read")
def download(request: DashboardRequest) -> HttpResponse:
    """Give the layout as it is stored now, as a file that can be brought in again."""
    layout = layout_of(replica_of(edits.state_of(request.dashboard.room_id)))
    response = HttpResponse(exchange.written(layout), content_type="application/json")
    response["Content-Disposition"] = attachment(layout.title, ending="json")
    return response


@require_http_methods(["GET", "POST"])
@cache_control(private=True, no_store=True)
@with_login
def upload(request: ListRequest) -> HttpResponse:
    """Ask for a file, and make a dashboard of it that the visitor owns, or say what is wrong."""
    if request.method == "GET":
        return _ask(request)
    try:
        layout = _layout_in(request)
    except BadLayout as error:
        return _ask(request, error.problems)
    return redirect(actions.create_dashboard(actor=request.user, layout=layout))


def attachment(*words: str, ending: str) -> str:
    """Return the header that has a browser save what it gets, under a name of some words."""
    name = " ".join(filter(None, words)) or str(_("Dashboard"))
    name = "".join(c if c.isalnum() or c in " -_" else "-" for c in name)[:80].strip()
    return content_disposition_header(True, f"{name}.{ending}") or "attachment"


def _layout_in(request: ListRequest) -> Layout:
    """Read the layout of the file that came. Raises BadLayout."""
    file = request.FILES.get("file")
    if file is None:
        raise BadLayout([Problem("", _("Choose a file first."))])
    if (file.size or 0) > _FILE_BYTES:
        raise BadLayout([Problem("", _("The file is larger than a layout can be."))])
    return exchange.parse(file.read().removeprefix(_BOM))


def _ask(request: ListRequest, problems: list[Problem] | None = None) -> HttpResponse:
    """Render the form: for the dialog of the list, or as a page."""
    file = request.FILES.get("file")
    context = {
        "problems": problems,
        "file_name": "" if file is None else file.name,
        "list_url": Dashboard.list_url(),
    }
    template = "dashboards/_import.html" if request.htmx else "dashboards/import.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
