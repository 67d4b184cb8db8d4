"""Who may do what to a dashboard: every role at every page, API operation and socket.

As `tests.documents.test_matrix`, with which it shares what all kinds of objects have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pycrdt
import pytest

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.testing.peer import Peer
from tests.documents.cast import Stage
from tests.support.addresses import STAND_INS
from tests.support.rights import (
    API_READ,
    API_WRITE,
    IN,
    IN_LIST,
    IN_ROOM,
    LISTED,
    MADE,
    READ,
    Table,
    operations_of,
    pages_of,
)  # fmt: skip
from tests.support.roles import ROLES, Troupe, expected, refused

_PAGE = "/dashboards/{dashboard_id}"

PAGES: Table = pages_of("dashboard") | {
    "GET /dashboards/": ({}, LISTED),
    "POST /dashboards/new/": ({"title": "New"}, MADE),
    "GET /dashboards/import/": ({}, LISTED),
    # Without a file it is asked for again.
    "POST /dashboards/import/": ({}, LISTED),
    f"GET {_PAGE}/export/": ({}, READ),
    f"GET {_PAGE}/panels/{{panel_id}}/": ({}, READ),
    f"GET {_PAGE}/panels/{{panel_id}}/csv": ({}, READ),
}

_ONE = "/api/dashboards/{dashboard_id}"
_LAYOUT = {"title": "A title", "panels": [{"id": "panel00000", "kind": "text", "title": "Other"}]}
# What belongs to no dashboard: for who has an account.
_ACCOUNTS = "200 200 200 200 200 401 401 200 200 401 200 200 401"


def update() -> bytes:
    """Make an update of a page of its own."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["title"] = pycrdt.Text("an edit")
    return doc.get_update()


API: Table = operations_of("dashboard", update()) | {
    f"GET {_ONE}/layout": ({}, API_READ),
    f"PUT {_ONE}/layout": ({"json": _LAYOUT}, API_WRITE.format(200)),
    f"POST {_ONE}/panels": ({"json": {"kind": "text"}}, API_WRITE.format(201)),
    f"PATCH {_ONE}/panels/{{panel}}": ({"json": {"title": "Other"}}, API_WRITE.format(200)),
    f"DELETE {_ONE}/panels/{{panel}}": ({}, API_WRITE.format(204)),
    f"GET {_ONE}/versions/{{seq}}/changes": ({}, API_WRITE.format(200).replace("+", "")),
    "GET /api/metrics": ({}, _ACCOUNTS),
    "GET /api/metrics/cpu/series": ({}, _ACCOUNTS),
    "GET /api/labels/host/values": ({}, _ACCOUNTS),
    "GET /api/query?metric=cpu": ({}, _ACCOUNTS),
}

# Where numbers are sent, by method and address: for who has a key that may; a login is none.
_PUSH = "/ingest/prometheus/metrics/{grouping}"
INGEST = {
    "POST /ingest/json": 401,
    f"PUT {_PUSH}": 401,
    f"POST {_PUSH}": 401,
    f"DELETE {_PUSH}": 401,
    "POST /ingest/otlp/v1/metrics": 401,
    "POST /ingest/influx/api/v2/write": 401,
    "ANY /ingest/influx/ping": 204,
    "ANY /ingest/influx/health": 200,
}

_SOCKET = "ws/dashboards/<uuid:dashboard_id>"
SOCKETS = {
    f"{_SOCKET}/layout": IN_ROOM,
    f"{_SOCKET}/people": IN,
    f"{_SOCKET}/live": IN,
    "ws/dashboards": IN_LIST,
}
_TRIES = len(PAGES) + len(API) + len(SOCKETS)


@pytest.fixture(scope="module")
def troupe(sqlite_stage: Stage) -> Iterator[Troupe]:
    """Everybody, with a dashboard for each try of theirs."""
    one = Troupe(sqlite_stage, _TRIES, "dashboard")
    yield one
    one.close()


@pytest.mark.parametrize("call", PAGES)
def test_pages_answer_each_role(troupe: Troupe, call: str) -> None:
    """Who may not see it gets 404 or the login page, who may see it and not do this 403."""
    method, path = call.split(" ")
    fields, answers = PAGES[call]
    asked = {"data": fields} if method == "POST" else {}
    found = {role: troupe.attempt(role, method, path, asked) for role in ROLES}
    assert found == expected(answers)


@pytest.mark.parametrize("call", API)
def test_operations_answer_each_role(troupe: Troupe, call: str) -> None:
    """Who may not see it gets 404, or 401 without any way in; who may see it 403 for the rest."""
    method, path = call.split(" ")
    asked, answers = API[call]
    found = {role: troupe.attempt(role, method, path, asked) for role in ROLES}
    assert found == expected(answers)


@pytest.mark.parametrize("call", INGEST)
def test_numbers_are_not_taken_from_a_login(troupe: Troupe, call: str) -> None:
    """Whatever role it has."""
    method, path = call.replace("ANY", "GET").split(" ")
    path = path.format(**STAND_INS)
    found = {troupe.request(role, method, path).status_code for role in ROLES}
    assert found == {INGEST[call]}


@pytest.mark.parametrize("path", [path for path in SOCKETS if not path.endswith("layout")])
async def test_sockets_of_fragments_let_in_who_may(troupe: Troupe, path: str) -> None:
    """They take no such frame: one that is let in closes with 4422 at the first."""

    async def enter(role: str) -> str:
        url = f"{troupe.stage.site.ws_url}/{path}"
        url = url.replace("<uuid:dashboard_id>", troupe.take(role).id)
        return await refused(url, troupe.headers(role)) or "in"

    ends = await asyncio.gather(*(enter(role) for role in ROLES))
    assert dict(zip(ROLES, ends, strict=True)) == expected(SOCKETS[path])


async def test_edits_of_a_layout_count_from_who_may_write(troupe: Troupe) -> None:
    """Everybody who is in reads; only writers' frames are applied and stored."""
    ends = await asyncio.gather(*(_in_layout(troupe, role) for role in ROLES))
    assert dict(zip(ROLES, ends, strict=True)) == expected(SOCKETS[f"{_SOCKET}/layout"])


async def _in_layout(troupe: Troupe, role: str) -> str:
    """Send an edit. Returns what became of it."""
    tried = troupe.take(role)
    url = f"{troupe.stage.site.ws_url}/ws/dashboards/{tried.id}/layout"
    if (code := await refused(url, troupe.headers(role))) is not None:
        return code
    peer = Peer(url, **troupe.headers(role))
    await peer.connect()
    before = troupe.look(tried)
    peer.sent_frames += 1
    await peer.send(protocol.encode(Kind.UPDATE, update()))
    denied = protocol.encode(Kind.DENIED, b"")[:2]

    def is_denied() -> bool:
        return any(frame[:2] == denied for frame in peer.frames)

    await peer.until(lambda: is_denied() or peer.saved, "an answer")
    assert (troupe.look(tried) != before) is not is_denied()
    await peer.close()
    return "reads" if is_denied() else "writes"
