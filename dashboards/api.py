"""Dashboards over HTTP: lists of them, their layouts as JSON, and their panels one by one."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from ninja import Path, Router, Schema, Status
from pydantic import BaseModel, ConfigDict

from collab import edits, grant_api, shared_api, update_api, version_api
from collab.access import Abilities
from collab.api import STATUS, ApiError, errors, needs_account
from collab.engine.replica import replica_of
from collab.models import Role
from collab.operations import Operations, in_thread
from collab.request import require
from collab.shared_api import PAGE, Cursor, Limit, SharedOut, Title, View
from collab.update_api import Stored
from collab.version_api import Seq, in_bounds
from dashboards import actions, versions
from dashboards.layout import exchange
from dashboards.layout.check import FilePanel, LayoutFile, NewPanel, PanelChange, PanelId
from dashboards.layout.model import Layout, Panel
from dashboards.layout.read import layout_of
from dashboards.layout.values import of_panel
from dashboards.live import LAYOUT
from dashboards.models import Dashboard

STATUS |= {actions.NoSuchPanel: (404, "not_found"), actions.TooMany: (409, "too_many")}

router = Router(tags=["dashboards"])
router.add_router("", update_api.router_for(Dashboard, LAYOUT))
router.add_router("", grant_api.router_for(Dashboard))

Key = Annotated[PanelId, Path()]


class NewDashboard(BaseModel):
    """A dashboard to make. `title` counts more than that of the layout."""

    model_config = ConfigDict(extra="forbid")

    title: Title = ""
    layout: LayoutFile | None = None


class DashboardOut(SharedOut):
    """A dashboard, and what the asker is to it. `socket` is its layout's, `live` its numbers'."""

    live: str


class DashboardPage(Schema):
    """Some dashboards, latest edit first; `next` is the `cursor` of those that follow, or null."""

    dashboards: list[DashboardOut]
    next: str | None


@router.get("/dashboards", response={200: DashboardPage, **errors()}, summary="List dashboards")
async def index(
    request: HttpRequest, view: View = "all", limit: Limit = PAGE, cursor: Cursor = ""
) -> Any:
    """List what the asker may see, latest edit first.

    `view` is `all`, `owned`, `shared` (given to them or their groups by others) or `trash` (owned
    and in the trash).
    """
    user = request.auth  # type: ignore[attr-defined]

    def read() -> dict[str, Any]:
        found, after = shared_api.page(user, Dashboard, view, limit, cursor)
        return {"dashboards": [_shown(request, *one) for one in found], "next": after}

    return await database_sync_to_async(read)()


@router.post(
    "/dashboards", response={201: DashboardOut, **errors(400, 413)}, summary="Create a dashboard"
)
async def create(request: HttpRequest, new: NewDashboard) -> Any:
    """Create a dashboard that the asker owns, empty or with the layout of a file."""
    user = needs_account(request)

    def make() -> Dashboard:
        layout = None if new.layout is None else exchange.layout_of(new.layout)
        return actions.create_dashboard(actor=user, title=new.title, layout=layout)

    return Status(201, _shown(request, await database_sync_to_async(make)(), Role.OWNER))


def _shown(request: HttpRequest, dashboard: Dashboard, role: Role | None) -> dict[str, Any]:
    socket = f"/ws/dashboards/{dashboard.pk}"
    return shared_api.shown(request, dashboard, role) | {
        "socket": f"{socket}/layout",
        "live": f"{socket}/live",
    }


router.add_router("", shared_api.router_for(Dashboard, DashboardOut, _shown))


# The layout


async def read_layout(
    request: HttpRequest, dashboard: Dashboard, can: Abilities
) -> HttpResponseBase:
    """Return the layout as a file that can be edited and written back, here or elsewhere.

    Values that nobody set are left out. The header `X-Seq` is the seq of the last edit in it.
    If-None-Match is answered with 304.
    """

    def read() -> tuple[Layout, int]:
        state, seq = edits.state_and_seq_of(dashboard.room_id)
        return layout_of(replica_of(state)), seq

    layout, seq = await in_thread(read)()
    etag = _etag(layout)
    answer = get_conditional_response(request, etag=etag) or HttpResponse(
        exchange.written(layout), content_type="application/json"
    )
    answer["ETag"] = etag
    answer["X-Seq"] = str(seq)
    answer["Cache-Control"] = "private, no-cache"
    return answer


async def write_layout(
    request: HttpRequest,
    dashboard: Dashboard,
    can: Abilities,
    file: LayoutFile,
    mode: Literal["replace", "add"] = "replace",
    since: Seq | None = None,
) -> Any:
    """Make of the live layout what the file says, by the smallest edit that does it.

    Panels are the same if their ids are. With `since`, the `X-Seq` of a read, only what the file
    changed since then is written: what others changed meanwhile stays. Without it, If-Match and the
    ETag of a read leave a layout that has changed as it is, and answer 412. With `mode=add` the
    file's panels come anew below those that are there.
    """
    require(can, "write")
    user = request.auth  # type: ignore[attr-defined]
    wanted = exchange.layout_of(file)
    if mode == "add":
        add = in_thread(actions.add_panels)
        return {"seq": (await add(actor=user, dashboard=dashboard, layout=wanted)).seq}
    known = parse_etags(request.headers.get("If-Match", ""))

    def check(live: Layout) -> None:
        if known and known != ["*"] and _etag(live) not in known:
            raise ApiError(412, "changed", _("The layout has changed since you read it."))

    def write() -> actions.Edited:
        return actions.set_layout(
            actor=user,
            dashboard=dashboard,
            layout=wanted,
            keep_title="title" not in file.model_fields_set,
            base=None if since is None else versions.layout_at(dashboard, since),
            check=check,
        )

    return {"seq": (await in_thread(write)()).seq}


async def add_panel(
    request: HttpRequest, dashboard: Dashboard, can: Abilities, new: NewPanel
) -> Any:
    """Add a panel, below the others unless `y` says where."""
    require(can, "write")
    add = in_thread(actions.add_panel)
    user = request.auth  # type: ignore[attr-defined]
    return Status(201, _panel(await add(actor=user, dashboard=dashboard, new=new)))


async def change_panel(
    request: HttpRequest, dashboard: Dashboard, can: Abilities, panel: Key, wanted: PanelChange
) -> Any:
    """Change those values of a panel that are given; nobody's change of others is undone."""
    require(can, "write")
    change = in_thread(actions.change_panel)
    user = request.auth  # type: ignore[attr-defined]
    changed = await change(actor=user, dashboard=dashboard, key=panel, wanted=wanted)
    return _panel(changed)


async def remove_panel(
    request: HttpRequest, dashboard: Dashboard, can: Abilities, panel: Key
) -> Any:
    """Remove a panel. A version from before brings it back."""
    require(can, "write")
    remove = in_thread(actions.remove_panel)
    user = request.auth  # type: ignore[attr-defined]
    await remove(actor=user, dashboard=dashboard, key=panel)
    return Status(204, None)


_TEXT = {"type": "string"}
_READ = {
    "responses": {
        200: {
            "headers": {
                "ETag": {"schema": _TEXT, "description": "For If-Match and If-None-Match"},
                "X-Seq": {"schema": _TEXT, "description": "For `since`"},
            },
        },
        304: {"description": "Not Modified"},
    }
}
_layouts = Operations(Dashboard, "layout")
_layouts.add(
    "GET", "/layout", read_layout,
    response={200: LayoutFile, **errors(404)}, summary="Export a layout", openapi_extra=_READ,
)  # fmt: skip
_layouts.add(
    "PUT", "/layout", write_layout,
    response={200: Stored, **errors(400, 404, 409, 412, 413)}, summary="Import a layout",
)  # fmt: skip
_layouts.add(
    "POST", "/panels", add_panel,
    response={201: FilePanel, **errors(400, 404, 409, 413)}, summary="Add a panel",
)  # fmt: skip
_layouts.add(
    "PATCH", "/panels/{panel}", change_panel,
    response={200: FilePanel, **errors(400, 404, 409, 413)}, summary="Change a panel",
)  # fmt: skip
_layouts.add(
    "DELETE", "/panels/{panel}", remove_panel,
    response={204: None, **errors(404, 409)}, summary="Remove a panel",
)  # fmt: skip
router.add_router("", _layouts.router)


# Versions


class ChangeOut(Schema):
    """One change. `name` is what it is called now, `text` a sentence for a person.

    `was` is what it was called before it was renamed, `panel` the id of a panel, `fields` the names
    of the values that changed.
    """

    of: Literal["dashboard", "panel", "variable"]
    what: Literal["added", "removed", "renamed", "moved", "resized", "changed"]
    name: str
    was: str
    panel: str | None
    fields: list[str]
    text: str


class Changes(Schema):
    """What changed, from the top of the page."""

    changes: list[ChangeOut]


async def read_version(
    request: HttpRequest, dashboard: Dashboard, can: Abilities, seq: int
) -> HttpResponse:
    """Return the layout as it was after an edit, as a file."""
    require(can, "write")
    layout = await in_thread(versions.layout_at)(dashboard, in_bounds(seq))
    return HttpResponse(exchange.written(layout), content_type="application/json")


async def compare_versions(
    request: HttpRequest, dashboard: Dashboard, can: Abilities, seq: int, to: Seq | None = None
) -> Any:
    """Tell what changed from a version to a later one, or without `to` to what it is now.

    The version 0 is the dashboard before its first edit.
    """
    require(can, "write")
    compared = await in_thread(versions.compare)(dashboard, in_bounds(seq), to)
    return {
        "changes": [
            {
                "of": told.change.of.value, "what": told.change.what.value,
                "name": told.change.name, "was": told.change.was,
                "panel": told.change.id or None, "fields": told.change.fields, "text": told.text,
            }
            for told in compared.changes
        ]
    }  # fmt: skip


_versions = version_api.operations_of(Dashboard, versions)
_versions.add(
    "GET", version_api.ONE, read_version,
    response={200: LayoutFile, **errors(404)}, summary="Read a version",
)  # fmt: skip
_versions.add(
    "GET", f"{version_api.ONE}/changes", compare_versions,
    response={200: Changes, **errors(404)}, summary="Compare versions",
)  # fmt: skip
router.add_router("", _versions.router)


def _panel(panel: Panel) -> dict[str, Any]:
    return {"id": panel.id} | of_panel(panel)


def _etag(layout: Layout) -> str:
    return f'"{hashlib.sha256(exchange.written(layout).encode()).hexdigest()[:32]}"'
