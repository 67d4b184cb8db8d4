"""Who may do what: every role at every page, API operation and socket, with the exact answer.

A method of an address, or a socket, that these tables do not know fails a test: whoever adds one
says here who may use it. The first eight roles see the document; see `tests.support.roles`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pycrdt
import pytest

from collab.engine import protocol
from collab.engine.protocol import Kind, State
from collab.testing.peer import Peer
from tests.documents.cast import Stage
from tests.support.addresses import STAND_INS, addresses
from tests.support.rights import (
    API_READ,
    API_WRITE,
    IN,
    IN_LIST,
    IN_ROOM,
    LISTED,
    MADE,
    READ,
    Asked,
    Table,
    operations_of,
    pages_of,
)  # fmt: skip
from tests.support.roles import ROLES, Tried, Troupe, expected, refused

_PAGE = "/documents/{document_id}"

PAGES: Table = pages_of("document") | {
    "GET /": ({}, LISTED),
    "POST /documents/": ({"title": "New"}, MADE),
    f"GET {_PAGE}/read/": ({}, READ),
    f"GET {_PAGE}/files/{{key}}": ({}, READ),
    # Whoever opens a link gets in by it; what lies in the trash has none.
    "GET /s/{token}": ({}, "302 302 302 302 302 302 302 302 302 302 302 404 404"),
}

_DOCUMENT = "/api/documents/{document_id}"
_MARKDOWN = {"Content-Type": "text/markdown"}
_PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


def update() -> bytes:
    """Make an update of a page of its own."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["text"] = pycrdt.Text("an edit")
    return doc.get_update()


API: Table = operations_of("document", update()) | {
    f"GET {_DOCUMENT}/content": ({}, API_READ),
    f"PUT {_DOCUMENT}/content": (
        {"content": "other words", "headers": _MARKDOWN},
        API_WRITE.format(200),
    ),
    f"POST {_DOCUMENT}/files": (
        {"files": {"file": ("a.png", _PICTURE, "image/png")}},
        API_WRITE.format(201),
    ),
}

# What is no document's, by method and address; ANY for what does not look at the method. Nobody's
# role counts there, at most whether they are logged in.
_ALIKE = " ".join(["{0}"] * len(ROLES))
_BY_LOGIN = "{0} {0} {0} {0} {0} {1} {1} {0} {0} {1} {0} {0} {1}"
_NOBODY = {"username": "nobody", "password": "wrong"}
SITE: Table = {
    "ANY /api/": ({}, _ALIKE.format(404)),
    "ANY /api/docs": ({}, _ALIKE.format(200)),
    "ANY /api/openapi.json": ({}, _ALIKE.format(200)),
    "GET /login/": ({}, _BY_LOGIN.format(302, 200)),
    "POST /login/": (_NOBODY, _BY_LOGIN.format(302, 200)),
    "PUT /login/": (_NOBODY, _BY_LOGIN.format(302, 200)),
    "POST /logout/": ({}, _ALIKE.format(302)),
    "GET /enter/{uidb64}/{token}/": ({}, _ALIKE.format(403)),
    "GET /jsi18n/": ({}, _ALIKE.format(200)),
    "GET /healthz": ({}, _ALIKE.format(200)),
    "GET /readyz": ({}, _ALIKE.format(200)),
    "GET /metrics": ({}, _ALIKE.format(401)),
}

SOCKETS = {
    "ws/documents/<uuid:document_id>": IN_ROOM,
    "ws/documents/<uuid:document_id>/people": IN,
    "ws/home": IN_LIST,
}
_TRIES = len(PAGES) + len(API) + len(SOCKETS) + 1


@pytest.fixture(scope="module")
def troupe(sqlite_stage: Stage) -> Iterator[Troupe]:
    """Everybody, with a document for each try of theirs."""
    one = Troupe(sqlite_stage, _TRIES)
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


@pytest.mark.parametrize("call", SITE)
def test_the_site_answers_each_role(troupe: Troupe, call: str) -> None:
    """What belongs to no document asks for nobody's role."""
    method, path = call.replace("ANY", "GET").split(" ")
    fields, answers = SITE[call]
    found = {}
    for role in ROLES:
        # Who logs out is somebody whose login nobody else needs.
        ask = troupe.leave if "logout" in call else troupe.request
        answer = ask(role, method, path.format(**STAND_INS), data=fields)
        found[role] = str(answer.status_code)
    assert found == expected(answers)


@pytest.mark.parametrize("role", ["owner", "link_editor", "anonymous"])
def test_the_admin_is_there_for_no_role(troupe: Troupe, role: str) -> None:
    """It asks for a login as staff at every address, also at those that are none."""
    pages = {path for path in addresses() if path.startswith("/admin/") and "(?P" not in path}
    assert len(pages) > 30
    login = "/admin/login/"
    for path in pages - {login, "/admin/logout/"} | {"/admin/auth/", "/admin/none/"}:
        answer = troupe.request(role, "GET", re.sub(r"{\w+}", "1", path))
        assert (answer.status_code, answer.headers["Location"][: len(login)]) == (302, login), path


@pytest.mark.parametrize("call", API)
def test_operations_answer_each_role(troupe: Troupe, call: str) -> None:
    """Who may not see it gets 404, or 401 without any way in; who may see it 403 for the rest."""
    method, path = call.split(" ")
    asked, answers = API[call]
    found = {role: troupe.attempt(role, method, path, asked) for role in ROLES}
    assert found == expected(answers)


@pytest.mark.parametrize("path", [path for path in SOCKETS if path.startswith("ws/home")
                                  or path.endswith("people")])  # fmt: skip
async def test_sockets_of_fragments_let_in_who_may(troupe: Troupe, path: str) -> None:
    """They take no frames: one that is let in closes with 4422 at the first."""

    async def enter(role: str) -> str:
        tried = troupe.take(role)
        url = f"{troupe.stage.site.ws_url}/{path.replace('<uuid:document_id>', tried.id)}"
        return await refused(url, troupe.headers(role)) or "in"

    ends = await asyncio.gather(*(enter(role) for role in ROLES))
    assert dict(zip(ROLES, ends, strict=True)) == expected(SOCKETS[path])


async def test_frames_of_content_count_from_who_may_write(troupe: Troupe) -> None:
    """Everybody who is in reads and is seen; only writers' frames are applied and stored."""
    ends = await asyncio.gather(*(_in_document(troupe, role) for role in ROLES))
    path = "ws/documents/<uuid:document_id>"
    assert dict(zip(ROLES, ends, strict=True)) == expected(SOCKETS[path])


async def _in_document(troupe: Troupe, role: str) -> str:
    """Send every kind of frame. Returns what became of it."""
    tried = troupe.take(role)
    url = f"{troupe.stage.site.ws_url}/ws/documents/{tried.id}"
    if (code := await refused(url, troupe.headers(role))) is not None:
        return code
    watcher = Peer(url, **troupe.headers("trash_owner" if "trash" in role else "owner"))
    peer = Peer(url, **troupe.headers(role))
    await watcher.connect()
    await peer.connect()
    before = troupe.look(tried)
    denied = protocol.encode(Kind.DENIED, b"")[:2]
    for kind in (Kind.UPDATE, Kind.STEP2):
        peer.sent_frames += 1
        await peer.send(protocol.encode(kind, update()))
    state = protocol.encode_states([State(4242, 1, b'{"user": {"name": "somebody"}}')])
    await peer.send(protocol.encode(Kind.AWARENESS, state))
    await peer.send(b"\x03")
    # Frames are taken in order: presence that has come back tells that the others were, too.
    await peer.until(lambda: 4242 in peer.presence, "one's own presence")
    await watcher.until(lambda: 4242 in watcher.presence, "the presence at others")
    is_denied = any(frame[:2] == denied for frame in peer.frames)
    if not is_denied:
        await peer.until_saved()
        await watcher.until(lambda: "an edit" in str(watcher.text), "the edit at others")
    changed = troupe.look(tried) != before
    assert changed is not is_denied
    assert ("an edit" in str(watcher.text)) is not is_denied
    await peer.close()
    await watcher.close()
    return "reads" if is_denied else "writes"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/api/documents/{id}/grants/{grant}"),
        ("DELETE", "/api/documents/{id}/grants/{grant}"),
        ("DELETE", "/api/documents/{id}/grants/1180591620717411303424"),
        ("POST", "/documents/{id}/share/{grant}/role/"),
        ("POST", "/documents/{id}/share/{grant}/withdraw/"),
        ("POST", "/documents/{id}/share/1180591620717411303424/withdraw/"),
    ],
)
def test_a_grant_is_found_under_its_own_document_only(
    troupe: Troupe, mine: Tried, other: Tried, method: str, path: str
) -> None:
    """The owner of one document cannot change another's by its number."""
    before = troupe.look(other)
    asked: Asked = {"json" if "api" in path else "data": {"role": "owner"}}
    path = path.format(id=mine.id, grant=other.grant)
    answer = troupe.request("owner", method, path, **asked)
    if path.startswith("/api"):
        assert answer.status_code == 404
    else:
        assert "Somebody has taken this role away meanwhile." in answer.text
    assert troupe.look(other) == before


@pytest.fixture(scope="module")
def mine(troupe: Troupe) -> Tried:
    """A document that is not touched by a try that fails."""
    return troupe.take("owner")


@pytest.fixture(scope="module")
def other(troupe: Troupe) -> Tried:
    """Another one."""
    return troupe.take("none")
