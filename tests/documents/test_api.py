"""Documents over HTTP, on a running site: every status, and errors that a person understands."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pycrdt
import pytest

from tests.documents.cast import UPLOAD_BYTES, Actor, Stage

OCTETS = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}


def edit(text: str = "hello") -> bytes:
    """Make an update of a page of its own."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=7)
    doc["text"] = pycrdt.Text(text)
    return doc.get_update()


def updates_of(document: str) -> str:
    return f"/api/documents/{document}/updates"


def content_of(document: str) -> str:
    return f"/api/documents/{document}/content"


def error_of(answer: httpx.Response, status: int, code: str) -> str:
    """Check that an answer is an error of the API. Returns its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    error = answer.json()["error"]
    assert error["code"] == code
    message = error["message"]
    assert message[0].isupper() or message[0] in '“"'
    assert message.endswith(".")
    assert ("Retry-After" in answer.headers) is (status in (429, 503))
    return str(message)


# Creating


def test_create_answers_where_the_document_is(stage: Stage) -> None:
    """201 with id, title, page and socket; the asker owns it, and the title is in the content."""
    with stage.api(stage.alice) as api:
        answer = api.post("/api/documents", json={"title": "  Plans\n for   spring "})
        assert answer.status_code == 201
        made = answer.json()
        assert made == {
            "id": str(uuid.UUID(made["id"])),
            "title": "Plans for spring",
            "kind": "rich",
            "role": "owner",
            "created_at": made["created_at"],
            "updated_at": made["updated_at"],
            "trashed_at": None,
            "url": f"{stage.site.url}/documents/{made['id']}/",
            "socket": f"/ws/documents/{made['id']}",
        }
        state = api.get(content_of(made["id"]), params={"format": "yjs"}).content
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc.apply_update(state)
    assert str(doc.get("title", type=pycrdt.Text)) == "Plans for spring"
    assert stage.log_of(made["id"])[0][:2] == (1, stage.alice.id)


@pytest.mark.parametrize(
    ("title", "stored"),
    [
        ("", ""),
        ("a\x00b", "ab"),
        ("\x00", ""),
        ("👩‍👩‍👧‍👦 räksmörgås שלום", "👩‍👩‍👧‍👦 räksmörgås שלום"),
        ("x" * 300, "x" * 300),
        ("😀" * 300, "😀" * 300),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u2028line\ttab", "line tab"),
    ],
    ids=["empty", "NUL", "only NUL", "emoji", "300", "300 emoji", "markup", "spaces"],
)
def test_create_takes_any_title(stage: Stage, title: str, stored: str) -> None:
    """What PostgreSQL or UTF-8 cannot hold is left out or replaced, and costs no error."""
    with stage.api(stage.alice) as api:
        answer = api.post("/api/documents", json={"title": title})
        assert answer.status_code == 201, answer.text
        assert answer.json()["title"] == stored
        assert api.get(content_of(answer.json()["id"])).status_code == 200


def test_create_without_a_title_is_fine(sqlite_stage: Stage) -> None:
    """It is typed into the page."""
    with sqlite_stage.api(sqlite_stage.alice) as api:
        assert api.post("/api/documents", json={}).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"{", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b"[" * 100_000, 400, "bad_request"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'"title"', 422, "invalid"),
        (b'{"title": 1}', 422, "invalid"),
        (b'{"title": "\\ud800 alone"}', 422, "invalid"),
        (b'{"title": null}', 422, "invalid"),
        (b'{"title": ["x"]}', 422, "invalid"),
        (b'{"title": "' + b"x" * 301 + b'"}', 422, "invalid"),
        (b'{"title": NaN}', 422, "invalid"),
        (b'{"title": "' + b"x" * 3_000_000 + b'"}', 413, "too_large"),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_create_of_what_is_no_document_is_refused(
    sqlite_stage: Stage, body: bytes, status: int, code: str
) -> None:
    """The message says which field, and nothing of it is stored."""
    with sqlite_stage.api(sqlite_stage.alice) as api:
        message = error_of(api.post("/api/documents", content=body, headers=JSON), status, code)
    if status == 422 and b'"title":' in body:
        assert "title" in message
    assert "NewDocument" not in message, "a person does not know our classes"


# Who may


@pytest.fixture
def calls(stage: Stage) -> list[tuple[str, str, dict[str, Any]]]:
    """Every call that there is, on a document of Alice's."""
    document = stage.document()
    return [
        ("POST", "/api/documents", {"json": {"title": "x"}}),
        ("POST", updates_of(document), {"content": edit(), "headers": OCTETS}),
        ("GET", content_of(document), {}),
    ]


@pytest.mark.parametrize("name", ["nobody", "unknown", "revoked", "inactive", "basic", "in query"])
def test_without_a_good_key_or_login_is_401(
    stage: Stage, calls: list[tuple[str, str, dict[str, Any]]], name: str
) -> None:
    """The answer says how to come in, in words and in a header."""
    authorization = {
        "unknown": "Bearer collab_unknown", "revoked": f"Bearer {stage.rex.key}",
        "inactive": f"Bearer {stage.ivy.key}", "basic": f"Basic {stage.alice.key}",
    }.get(name)  # fmt: skip
    code = "not_authenticated" if authorization is None else "bad_key"
    with stage.api() as api:
        if authorization is not None:
            api.headers["Authorization"] = authorization
        if name == "in query":
            api.params = api.params.merge({"key": stage.alice.key, "token": stage.alice.key})
        for method, path, body in calls:
            answer = api.request(method, path, **body)
            error_of(answer, 401, code)
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_bad_key_beside_a_good_session_is_401(stage: Stage) -> None:
    """A program whose key was revoked must notice, not act as whoever is logged in."""
    with stage.browser(stage.alice) as browser:
        answer = browser.get(content_of(stage.document()), headers={"Authorization": "Bearer no"})
        error_of(answer, 401, "bad_key")


def test_session_of_an_inactive_user_is_401(sqlite_stage: Stage) -> None:
    """Deactivating an account closes its sessions too."""
    with sqlite_stage.api() as api:
        api.cookies.set("sessionid", sqlite_stage.ivy.session)
        error_of(api.get(content_of(sqlite_stage.document())), 401, "not_authenticated")


def test_session_writes_with_its_csrf_token(stage: Stage) -> None:
    """The page's scripts send it as a header."""
    with stage.browser(stage.bob) as browser:
        answer = browser.post(updates_of(stage.document()), content=edit(), headers=OCTETS)
        assert answer.status_code == 200, answer.text
        assert browser.post("/api/documents", json={"title": "By Bob"}).status_code == 201


@pytest.mark.parametrize(
    "headers", [{"X-CSRFToken": ""}, {"X-CSRFToken": "x" * 32}, {"Origin": "http://evil.example"}]
)
def test_session_without_the_right_csrf_token_is_403(stage: Stage, headers: dict[str, str]) -> None:
    """Another page must not write with its visitor's login; reading needs no token."""
    document = stage.document()
    with stage.browser(stage.alice) as browser:
        for path, body in (
            (updates_of(document), {"content": edit()}),
            ("/api/documents", {"json": {"title": "forged"}}),
        ):
            answer = browser.post(path, **body, headers=OCTETS | headers)  # type: ignore[arg-type]
            error_of(answer, 403, "csrf_failed")
        assert browser.get(content_of(document), headers=headers).status_code == 200
    assert stage.log_of(document) == []


def test_missing_and_forbidden_documents_look_alike(stage: Stage) -> None:
    """Charlie cannot find out which documents there are."""
    answers = []
    with stage.api(stage.charlie) as api:
        for document in (stage.document(), str(uuid.uuid4())):
            answers += [
                error_of(api.post(updates_of(document), content=edit(), headers=OCTETS),
                         404, "not_found"),
                error_of(api.get(content_of(document)), 404, "not_found"),
            ]  # fmt: skip
    assert len(set(answers)) == 1


def test_reader_reads_and_may_not_write(stage: Stage) -> None:
    """Rita sees the document, so she is told that she may not change it."""
    document = stage.document()
    with stage.api(stage.rita) as api:
        assert api.get(content_of(document)).status_code == 200
        message = error_of(
            api.post(updates_of(document), content=edit(), headers=OCTETS), 403, "read_only"
        )
        assert message == "You may read it, not change it."
    assert stage.log_of(document) == []


# Paths


@pytest.mark.parametrize(
    "path",
    ["/api/nothing", "/api/documents/", "/api/documents/1/content",
     "/api/documents/{id}/", "/api/documents/{id}/content/"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path_is_404_in_json(sqlite_stage: Stage, path: str, method: str) -> None:
    """A program that asks for the wrong address reads an error as all others."""
    with sqlite_stage.api(sqlite_stage.alice) as api:
        answer = api.request(method, path.format(id=sqlite_stage.document()))
        error_of(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/api/documents", "GET, POST"),
        ("DELETE", "/api/documents", "GET, POST"),
        ("PUT", "/api/documents/{id}", "DELETE, GET, PATCH"),
        ("GET", "/api/documents/{id}/updates", "POST"),
        ("PUT", "/api/documents/{id}/updates", "POST"),
        ("POST", "/api/documents/{id}/content", "GET, PUT"),
    ],
)
def test_method_that_is_not_there_is_405_in_json(
    sqlite_stage: Stage, method: str, path: str, allow: str
) -> None:
    """With the methods that are."""
    with sqlite_stage.api(sqlite_stage.alice) as api:
        answer = api.request(method, path.format(id=sqlite_stage.document()))
        error_of(answer, 405, "method_not_allowed")
        assert ", ".join(sorted(answer.headers["Allow"].split(", "))) == allow


# Updates


async def test_update_is_durable_and_pushed_when_it_is_answered(stage: Stage) -> None:
    """200 means that the row is there; open sockets get it as any edit."""
    document = stage.document()
    watcher = stage.peer(stage.rita, document)
    await watcher.connect()
    with stage.api(stage.bob) as api:
        answer = api.post(updates_of(document), content=edit("by POST"), headers=OCTETS)
    assert (answer.status_code, answer.json()) == (200, {"seq": 1})
    assert [row[:2] for row in stage.log_of(document)] == [(1, stage.bob.id)]
    await watcher.until(lambda: str(watcher.text) == "by POST", "the update")
    await watcher.close()


def test_update_sent_twice_is_stored_once(stage: Stage) -> None:
    """An answer that was lost on the way may be asked for again."""
    document, update = stage.document(), edit()
    with stage.api(stage.alice) as api:
        for _ in range(2):
            answer = api.post(updates_of(document), content=update, headers=OCTETS)
            assert (answer.status_code, answer.json()) == (200, {"seq": 1})
    assert len(stage.log_of(document)) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff", b"\x00\x00\x00", edit()[:-3], edit() + b"\x00", bytes.fromhex("0100010000"),
     b"not an update", b'{"update": 1}'],
    ids=lambda body: body.hex()[:16],
)  # fmt: skip
def test_update_that_is_none_is_422(sqlite_stage: Stage, body: bytes) -> None:
    """The firewall's reason is the message; nothing is stored."""
    document = sqlite_stage.document()
    with sqlite_stage.api(sqlite_stage.alice) as api:
        answer = api.post(updates_of(document), content=body, headers=OCTETS)
        error_of(answer, 422, "update_rejected")
    assert sqlite_stage.log_of(document) == []


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""]
)  # fmt: skip
@pytest.mark.parametrize("way", ["key", "session"])
def test_update_of_another_content_type_is_415(sqlite_stage: Stage, kind: str, way: str) -> None:
    """Also when Django's CSRF check has looked for a form in the body."""
    stage, document = sqlite_stage, sqlite_stage.document()
    with stage.api(stage.alice) if way == "key" else stage.browser(stage.alice) as api:
        answer = api.post(updates_of(document), content=edit(), headers={"Content-Type": kind})
        error_of(answer, 415, "wrong_content_type")


def test_update_of_the_largest_size_is_taken(stage: Stage) -> None:
    """The bound itself is allowed, in one body or in chunks without a length."""
    update = edit("x" * (2 * UPLOAD_BYTES - len(edit("x" * UPLOAD_BYTES))))
    assert len(update) == UPLOAD_BYTES
    with stage.api(stage.alice) as api:
        whole = api.post(updates_of(stage.document()), content=update, headers=OCTETS)
        assert whole.status_code == 200, whole.text
        chunked = api.post(updates_of(stage.document()), content=chunks(update), headers=OCTETS)
        assert chunked.status_code == 200, chunked.text


def chunks(body: bytes) -> Iterator[bytes]:
    """Have httpx send a body without a Content-Length."""
    for start in range(0, len(body), 50_000):
        yield body[start : start + 50_000]


def test_update_that_is_too_large_is_413(stage: Stage) -> None:
    """With a length, without one, and with one far above what comes."""
    body, document = b"\x00" * (UPLOAD_BYTES + 1), stage.document()
    with stage.api(stage.alice) as api:
        for content in (body, chunks(body)):
            answer = api.post(updates_of(document), content=content, headers=OCTETS)
            assert str(UPLOAD_BYTES) in error_of(answer, 413, "too_large")
        # The server reads no more than it must to tell.
        answer = api.post(updates_of(document), content=b"\x00" * 4_000_000, headers=OCTETS)
        error_of(answer, 413, "too_large")
    assert stage.log_of(document) == []


def raw(stage: Stage, actor: Actor, path: str, *headers: str, body: bytes = b"") -> bytes:
    """Send a request that no HTTP library would. Returns all of the answer."""
    lines = [
        f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{stage.site.port}", "Connection: close",
        f"Authorization: Bearer {actor.key}", "Content-Type: application/octet-stream", *headers,
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", stage.site.port), 20) as connection:
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 10",),
        ("Content-Length: 99999999999999999999",),
        ("Content-Length: -5",),
        ("Content-Length: x",),
        ("Transfer-Encoding: chunked",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
    ],
    ids=lambda headers: headers[0],
)
def test_request_whose_length_lies_harms_nobody(
    sqlite_stage: Stage, headers: tuple[str, ...]
) -> None:
    """A body that ends early is not taken for an update, and the site goes on."""
    stage, document = sqlite_stage, sqlite_stage.document()
    answer = raw(stage, stage.alice, updates_of(document), *headers, body=edit()[:5])
    assert b" 200 " not in answer.split(b"\r\n", 1)[0]
    assert b" 500 " not in answer.split(b"\r\n", 1)[0]
    assert stage.log_of(document) == []
    with stage.api(stage.alice) as api:
        assert api.post(updates_of(document), content=edit(), headers=OCTETS).status_code == 200


# Content


async def test_content_is_what_sockets_have_written(stage: Stage) -> None:
    """Three formats of the live content, at once after the edit was acknowledged."""
    document = stage.document()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    body = alice.doc.get("body", type=pycrdt.XmlFragment)
    paragraph = pycrdt.XmlElement("paragraph")
    body.children.append(paragraph)
    paragraph.children.append(pycrdt.XmlText("Ünïcode & <b>"))
    await alice.flush()
    await alice.until_saved()
    with stage.api(stage.rita) as api:
        text = api.get(content_of(document), params={"format": "text"})
        assert (text.text, text.headers["Content-Type"]) == (
            "Ünïcode & <b>",
            "text/plain; charset=utf-8",
        )
        html = api.get(content_of(document))
        assert (html.text, html.headers["Content-Type"]) == (
            "<p>Ünïcode &amp; &lt;b&gt;</p>",
            "text/html; charset=utf-8",
        )
        yjs = api.get(content_of(document), params={"format": "yjs"})
        assert yjs.headers["Content-Type"] == "application/octet-stream"
    copy: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    copy.apply_update(yjs.content)
    assert copy.get_update() == alice.doc.get_update()
    for answer in (text, html, yjs):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    await alice.close()


@pytest.mark.parametrize("format", ["pdf", "", "YJS", "text,html"])
def test_content_in_an_unknown_format_is_422(sqlite_stage: Stage, format: str) -> None:
    """The message names the parameter."""
    with sqlite_stage.api(sqlite_stage.alice) as api:
        answer = api.get(content_of(sqlite_stage.document()), params={"format": format})
        assert "format" in error_of(answer, 422, "invalid")


def test_content_of_an_empty_document_is_empty(stage: Stage) -> None:
    """Nothing was written yet."""
    document = stage.document()
    with stage.api(stage.alice) as api:
        assert api.get(content_of(document), params={"format": "text"}).text == ""
        assert api.get(content_of(document), params={"format": "html"}).text == ""
        assert api.get(content_of(document), params={"format": "yjs"}).content == b"\x00\x00"
