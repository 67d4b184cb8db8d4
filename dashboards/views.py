"""A dashboard's page, its panels, and their numbers as files."""

from __future__ import annotations

import asyncio
import csv as csv_files
import io
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from collab import actions, conf, people
from collab.engine.errors import LogUnavailable, NoSuchRoom, Overloaded
from collab.process import Process
from dashboards import hub
from dashboards.files import attachment
from dashboards.layout.model import Layout
from dashboards.request import DashboardRequest, for_dashboard
from dashboards.selection import BadSelection, Selection, selection_of_query
from dashboards.series.answers import Answer
from dashboards.ticks import Tick

# Pages share Django's thread: one whose numbers do not come holds up no other for longer.
_TIMEOUT_S = 15.0
_LINES_PER_CHUNK = 500
# What a spreadsheet would take for a formula, at the start of a cell (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# A guest's page has no form that would bring the token which uploads are sent with.
@require_GET
@ensure_csrf_cookie
@for_dashboard("read")
def detail(request: DashboardRequest) -> HttpResponse:
    """Show the dashboard with its values; charts and what is new come over its socket."""
    tick = _shown(request)
    if isinstance(tick, HttpResponse):
        return tick
    if request.visitor.is_authenticated:
        actions.note_visit(actor=request.visitor, shared=request.dashboard)
    person = people.person_of(request.visitor, request.session.session_key)
    context = tick.context() | {
        "dashboard": request.dashboard,
        "document": request.dashboard,
        "shared": request.dashboard,
        "can": request.can,
        "role": request.can.role,
        "can_write": request.can.write,
        "people": people.shown([(person, 1)]),
        "variables": [
            {
                "variable": variable,
                "choices": tick.choices.get(variable.name, ()),
                "chosen": tick.chosen.get(variable.name, ()),
            }
            for variable in tick.layout.variables
        ],
        "config": _config(request, tick, person),
    }
    return render(request, "dashboards/detail.html", context)


@require_GET
@for_dashboard("read")
def panel(request: DashboardRequest, panel_id: str) -> HttpResponse:
    """Show one panel, for a page whose grid got a new one."""
    tick = _shown(request, panel_id)
    if isinstance(tick, HttpResponse):
        return tick
    context = tick.context()
    mine = next(each for each in context["panels"] if each["panel"].id == panel_id)
    return render(request, "dashboards/_panel.html", context | mine)


@require_GET
@for_dashboard("read")
def csv(request: DashboardRequest, panel_id: str) -> HttpResponse | StreamingHttpResponse:
    """Give the numbers of a panel as comma-separated values, one column per line of its chart."""
    tick = _shown(request, panel_id)
    if isinstance(tick, HttpResponse):
        return tick
    asked, answer = tick.layout.panels[panel_id], tick.streams[panel_id].answer
    if answer is None:
        return _away(_("The numbers cannot be read right now; come back in a moment."))
    response = StreamingHttpResponse(
        _chunks(answer, ZoneInfo(tick.selection.zone)),
        content_type="text/csv; charset=utf-8; header=present",
    )
    name = attachment(tick.layout.title, asked.title, ending="csv")
    response["Content-Disposition"] = name
    return response


def _shown(request: DashboardRequest, panel_id: str | None = None) -> Tick | HttpResponse:
    """Return what a request asks for, out of the hub's cache, or why it cannot be had.

    Raises:
        BadRequest: it asks for what is no selection.
        Http404: the dashboard has no such panel.
    """

    language = get_language() or ""

    def choose(layout: Layout) -> Selection:
        return selection_of_query(request.GET, span=layout.range, language=language)

    dashboard = request.dashboard
    try:
        tick = _in_hub(str(dashboard.pk), dashboard.room_id, choose, panel_id)
    except BadSelection as error:
        raise BadRequest(str(error)) from error
    except NoSuchRoom as error:
        raise Http404 from error
    except (LogUnavailable, Overloaded) as error:
        return _away(str(error))
    except (TimeoutError, asyncio.CancelledError):
        return _away(_("The numbers cannot be read right now; come back in a moment."))
    if panel_id is not None and panel_id not in tick.streams:
        raise Http404
    return tick


def _in_hub(
    dashboard: str, key: int, choose: Callable[[Layout], Selection], panel_id: str | None
) -> Tick:
    for loop in Process.loops():
        asked = hub.shown(dashboard, key, choose, panel_id)
        waiting = asyncio.run_coroutine_threadsafe(asked, loop)
        try:
            return waiting.result(_TIMEOUT_S)
        finally:
            waiting.cancel()
    # No live engine runs here, as in a WSGI server.
    return hub.shown_once(dashboard, key, choose)


def _away(reason: str) -> HttpResponse:
    return HttpResponse(
        reason, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "5"}
    )


def _config(request: DashboardRequest, tick: Tick, person: Any) -> dict[str, Any]:
    """What the page's scripts need to know."""
    dashboard, color = request.dashboard, people.color_of(person)
    socket, page = f"/ws/dashboards/{dashboard.pk}", f"/api/dashboards/{dashboard.pk}"
    return {
        "dashboardId": str(dashboard.pk),
        # What the parts of the page that documents have, too, call it.
        "documentId": str(dashboard.pk),
        "socketUrl": f"{socket}/layout",
        "liveUrl": f"{socket}/live",
        "peopleUrl": f"{socket}/people",
        "updatesUrl": f"{page}/updates",
        "apiUrl": page,
        "csvUrl": f"{dashboard.get_absolute_url()}panels/",
        "canWrite": request.can.write,
        "role": request.can.role,
        "epoch": dashboard.room.epoch,
        "user": {
            "id": person.id, "name": person.name, "color": color, "colorLight": color + "33",
        },
        "selection": tick.selection.plain(),
        "range": tick.layout.range,
        "maxFrameBytes": min(conf.get("FRAME_BYTES") - 16, 2**20),
        "maxUploadBytes": conf.get("UPLOAD_BYTES"),
    }  # fmt: skip


# Comma-separated values


async def _chunks(answer: Answer, zone: ZoneInfo) -> AsyncIterator[str]:
    """Write an answer by RFC 4180, some lines at a time."""
    for chunk in chunks(answer, zone):
        yield chunk
        await asyncio.sleep(0)


def chunks(answer: Answer, zone: ZoneInfo) -> Iterator[str]:
    """Write an answer by RFC 4180, some lines at a time: a time, and a column for each line."""
    columns = [line.value.tolist() for line in answer.lines]
    written = io.StringIO()
    writer = csv_files.writer(written)
    writer.writerow(["time", *(_safe(line.name) for line in answer.lines)])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for n, at_ms in enumerate(answer.at_ms.tolist(), 1):
        at = (epoch + timedelta(milliseconds=at_ms)).astimezone(zone)
        cells = (column[n - 1] for column in columns)
        writer.writerow([at.isoformat(), *("" if np.isnan(cell) else cell for cell in cells)])
        if n % _LINES_PER_CHUNK == 0:
            yield written.getvalue()
            written.seek(0)
            written.truncate()
    yield written.getvalue()


def _safe(cell: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return "'" + cell if cell.startswith(_FORMULA) else cell
