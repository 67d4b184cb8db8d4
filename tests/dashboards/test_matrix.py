"""Who may do what to a dashboard: every role at every page, API operation and socket.

As `tests.documents.test_matrix`, whose list of roles it shares.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pycrdt
import pytest

from collab.engine import protocol
from collab.engine.protocol import Kind
from tests.documents.cast import Stage
from tests.support.addresses import STAND_INS
from tests.support.peers import SocketPeer
from tests.support.roles import ROLES, Troupe, expected, refused

# Answers in the order of ROLES: owner, editor, commenter, reader, group, link_reader, link_editor,
# both, none, anonymous, trash_owner, trash_editor, trash_link. A "+" is for what changed something.
_READ = "200 200 200 200 200 200 200 200 404 302 200 404 302"
_WRITE = "200 200 403 403 200 403 200 200 404 302 403 404 302"
_SHARE = "200 403 403 403 403 403 403 403 404 302 200 404 302"
_SHARES = "302+ 403 403 403 403 403 403 403 404 302 302+ 404 302"
_WRITES = "302+ 302+ 403 403 302+ 403 302+ 302+ 404 302 403 404 302"
_LISTED = "200 200 200 200 200 302 302 200 200 302 200 200 302"

Asked = dict[str, Any]

_PAGE = "/dashboards/{dashboard_id}"

# By method and address: what is sent, and the answers.
PAGES: dict[str, tuple[Asked, str]] = {
    "GET /dashboards/": ({}, _LISTED),
    "POST /dashboards/new/": (
        {"title": "New"},
        "302+ 302+ 302+ 302+ 302+ 302 302 302+ 302+ 302 302+ 302+ 302",
    ),
    f"GET {_PAGE}/rename/": ({}, "200 200 302 302 200 302 302 200 302 302 302 302 302"),
    f"POST {_PAGE}/rename/": (
        {"title": "Renamed"},
        "302+ 302+ 302 302 302+ 302 302 302+ 302 302 302 302 302",
    ),
    f"POST {_PAGE}/duplicate/": (
        {},
        "302+ 302+ 302+ 302+ 302+ 302 302 302+ 302 302 302+ 302 302",
    ),
    f"POST {_PAGE}/trash/": ({}, "302+ 302 302 302 302 302 302 302 302 302 302 302 302"),
    f"POST {_PAGE}/restore/": ({}, "302 302 302 302 302 302 302 302 302 302 302+ 302 302"),
    f"GET {_PAGE}/delete/": ({}, "200 302 302 302 302 302 302 302 302 302 200 302 302"),
    f"POST {_PAGE}/delete/": ({}, "302 302 302 302 302 302 302 302 302 302 302+ 302 302"),
    f"GET {_PAGE}/leave/": ({}, "200 200 200 200 200 302 302 200 302 302 200 302 302"),
    f"POST {_PAGE}/leave/": ({}, "302 302+ 302+ 302+ 302 302 302 302+ 302 302 302 302 302"),
    f"GET {_PAGE}/": ({}, _READ),
    f"GET {_PAGE}/panels/{{panel_id}}/": ({}, _READ),
    f"GET {_PAGE}/panels/{{panel_id}}/csv": ({}, _READ),
    f"GET {_PAGE}/versions/": ({}, _WRITE),
    f"POST {_PAGE}/versions/": ({"name": "Good"}, _WRITES),
    # Nobody of them gave it the name that it has.
    f"POST {_PAGE}/versions/{{seq}}/name/": (
        {"name": "Good"},
        "302+ 302 403 403 302 403 302 302 404 302 403 404 302",
    ),
    f"POST {_PAGE}/versions/{{seq}}/restore/": ({}, _WRITES),
    f"GET {_PAGE}/share/": ({}, _SHARE),
    f"POST {_PAGE}/share/people/": ({"name": "dashboard-newcomer", "role": "editor"}, _SHARES),
    f"POST {_PAGE}/share/groups/": ({"name": "dashboard owners", "role": "editor"}, _SHARES),
    f"POST {_PAGE}/share/links/": ({"role": "reader", "expiry": "7"}, _SHARES),
    f"POST {_PAGE}/share/{{grant_id}}/role/": ({"role": "editor"}, _SHARES),
    f"POST {_PAGE}/share/{{grant_id}}/withdraw/": ({}, _SHARES),
}

_API_READ = "200 200 200 200 200 200 200 200 404 401 200 404 404"
_API_WRITE = "{0}+ {0}+ 403 403 {0}+ 403 {0}+ {0}+ 404 401 403 404 404"
_API_SHARE = "{0}+ 403 403 403 403 403 403 403 404 401 {0}+ 404 404"
_ONE = "/api/dashboards/{dashboard_id}"
_OCTETS = {"Content-Type": "application/octet-stream"}
_LAYOUT = {"title": "A title", "panels": [{"id": "panel00000", "kind": "text", "title": "Other"}]}
# What belongs to no dashboard: for who has an account.
_ACCOUNTS = "200 200 200 200 200 401 401 200 200 401 200 200 401"


def update() -> bytes:
    """Make an update of a page of its own."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["title"] = pycrdt.Text("an edit")
    return doc.get_update()


# By method and address, which may have a query of its own: what is sent, and the answers.
API: dict[str, tuple[Asked, str]] = {
    "GET /api/dashboards": ({}, "200 200 200 200 200 200 200 200 200 401 200 200 200"),
    "POST /api/dashboards": (
        {"json": {"title": "New"}},
        "201+ 201+ 201+ 201+ 201+ 401 401 201+ 201+ 401 201+ 201+ 401",
    ),
    f"GET {_ONE}": ({}, _API_READ),
    f"PATCH {_ONE}": ({"json": {"title": "Renamed"}}, _API_WRITE.format(200)),
    f"DELETE {_ONE}": ({}, "204+ 403 403 403 403 403 403 403 404 401 204 404 404"),
    f"DELETE {_ONE}?forever=true": (
        {},
        "409 403 403 403 403 403 403 403 404 401 204+ 404 404",
    ),
    f"GET {_ONE}/layout": ({}, _API_READ),
    f"PUT {_ONE}/layout": ({"json": _LAYOUT}, _API_WRITE.format(200)),
    f"POST {_ONE}/panels": ({"json": {"kind": "text"}}, _API_WRITE.format(201)),
    f"PATCH {_ONE}/panels/{{panel}}": ({"json": {"title": "Other"}}, _API_WRITE.format(200)),
    f"DELETE {_ONE}/panels/{{panel}}": ({}, _API_WRITE.format(204)),
    f"POST {_ONE}/updates": ({"content": update(), "headers": _OCTETS}, _API_WRITE.format(200)),
    f"GET {_ONE}/grants": ({}, _API_SHARE.format(200).replace("+", "")),
    f"POST {_ONE}/grants": (
        {"json": {"user": "dashboard-newcomer", "role": "editor"}},
        _API_SHARE.format(201),
    ),
    f"PATCH {_ONE}/grants/{{grant_id}}": ({"json": {"role": "owner"}}, _API_SHARE.format(200)),
    f"DELETE {_ONE}/grants/{{grant_id}}": ({}, _API_SHARE.format(204)),
    f"GET {_ONE}/versions": ({}, _API_WRITE.format(200).replace("+", "")),
    f"POST {_ONE}/versions": ({"json": {"name": "Good"}}, _API_WRITE.format(201)),
    f"GET {_ONE}/versions/{{seq}}": ({}, _API_WRITE.format(200).replace("+", "")),
    f"GET {_ONE}/versions/{{seq}}/changes": ({}, _API_WRITE.format(200).replace("+", "")),
    f"DELETE {_ONE}/versions/{{seq}}": (
        {},
        "204+ 403 403 403 403 403 403 403 404 401 403 404 404",
    ),
    f"POST {_ONE}/versions/{{seq}}/restore": ({}, _API_WRITE.format(200)),
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

# By path: what becomes of a socket. "writes" and "reads" are let in, with frames of content that
# are applied or denied; numbers are close codes.
_IN = "in in in in in in in in 4404 4401 in 4404 4404"
_SOCKET = "ws/dashboards/<uuid:dashboard_id>"
SOCKETS = {
    f"{_SOCKET}/layout": (
        "writes writes reads reads writes reads writes writes 4404 4401 reads 4404 4404"
    ),
    f"{_SOCKET}/people": _IN,
    f"{_SOCKET}/live": _IN,
    "ws/dashboards": "in in in in in 4401 4401 in in 4401 in in 4401",
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
    peer = SocketPeer(url, **troupe.headers(role))
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
