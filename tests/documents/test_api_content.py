"""Content written over HTTP: an edit of the live text, which leaves alone what it does not name."""

from __future__ import annotations

from typing import Any

import httpx
import pycrdt
import pytest

from tests.documents.cast import CONTENT_BYTES, Stage
from tests.documents.test_api import content_of, error_of

MARKDOWN = {"Content-Type": "text/markdown"}
HTML = {"Content-Type": "text/html; charset=utf-8"}
PLAIN = {"Content-Type": "text/plain"}


def make(api: httpx.Client, content: str = "", **fields: Any) -> str:
    """Create a document with a content. Returns its id."""
    answer = api.post("/api/documents", json={"content": content, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def read(api: httpx.Client, document: str, format: str = "markdown") -> str:
    return api.get(content_of(document), params={"format": format}).text


def put(api: httpx.Client, document: str, content: str, **headers: str) -> httpx.Response:
    return api.put(content_of(document), content=content, headers=headers or MARKDOWN)


async def test_what_others_type_meanwhile_stays(stage: Stage) -> None:
    """Bob's words, typed before the edit and sent after it, and those in the line it changes."""
    with stage.api(stage.alice) as api:
        document = make(api, "first line\n\nsecond line\n\nthird line", title="Plans")
        stage.site.run("share", document, "bob", "editor")
        bob = stage.peer(stage.bob, document)
        await bob.connect()
        body = bob.doc.get("body", type=pycrdt.XmlFragment)
        first, second = (body.children[at].children[0] for at in (0, 1))
        second.insert(len(str(second)), ", and Bob")
        first.insert(0, "The ")
        answer = put(api, document, "first row\n\nsecond line\n\nthird line\n\na fourth")
        assert answer.status_code == 200, answer.text
        assert answer.json()["seq"] == len(stage.log_of(document))
        await bob.flush()
        await bob.until_saved()
        await bob.until(lambda: len(body.children) == 4, "the new line")
        assert read(api, document, "text").splitlines() == [
            "The first row", "second line, and Bob", "third line", "a fourth",
        ]  # fmt: skip
    assert [author for _, author, _ in stage.log_of(document)][:2] == [stage.alice.id] * 2
    await bob.close()


def test_the_same_text_again_changes_nothing(stage: Stage) -> None:
    """In each format that can be written."""
    source = "# Head\n\n- one **bold**\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    with stage.api(stage.alice) as api:
        document = make(api, source)
        for format, headers in (("markdown", MARKDOWN), ("html", HTML)):
            again = api.put(
                content_of(document), content=read(api, document, format), headers=headers
            )
            assert (again.status_code, again.json()) == (200, {"seq": 1})
    assert len(stage.log_of(document)) == 1


def test_an_edit_of_a_text_that_changed_is_refused_if_asked_to(sqlite_stage: Stage) -> None:
    """The ETag of a read is the same in every format; the answer to a stale one is 412."""
    with sqlite_stage.api(sqlite_stage.alice) as api:
        document = make(api, "one")
        tag = api.get(content_of(document)).headers["ETag"]
        known = {"If-None-Match": tag}
        assert api.get(content_of(document), headers=known).status_code == 304
        assert api.get(content_of(document), params={"format": "json"}).headers["ETag"] == tag
        for content, status in (("two", 200), ("three", 412)):
            answer = put(api, document, content, **MARKDOWN, **{"If-Match": tag})
            assert answer.status_code == status
        error_of(answer, 412, "changed")
        assert put(api, document, "three", **MARKDOWN, **{"If-Match": "*"}).status_code == 200
        assert api.get(content_of(document), headers=known).status_code == 200
        assert read(api, document).strip() == "three"


def test_a_text_is_taken_as_it_is(sqlite_stage: Stage) -> None:
    """Markdown in a document of kind text is characters; HTML is not for it."""
    with sqlite_stage.api(sqlite_stage.alice) as api:
        document = make(api, "a *b*\n", kind="text")
        assert read(api, document, "text") == "a *b*\n"
        assert put(api, document, "a *b*\nmore 😀\n", **PLAIN).status_code == 200
        assert read(api, document, "markdown") == "a *b*\nmore 😀\n"
        error_of(put(api, document, "<p>x", **HTML), 415, "wrong_content_type")
        rich = make(api)
        error_of(put(api, rich, "x", **PLAIN), 415, "wrong_content_type")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"\xff\xfe", MARKDOWN, 422, "not_text"),
        (b"x" * (CONTENT_BYTES + 1), MARKDOWN, 413, "too_large"),
        (b"<div>" * 3000, HTML, 422, "content_rejected"),
        (b"x", {"Content-Type": "application/json"}, 415, "wrong_content_type"),
    ],
    ids=["not UTF-8", "too large", "too deep", "JSON"],
)
def test_a_text_that_is_none_changes_nothing(
    sqlite_stage: Stage, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """The answer says what is wrong with it."""
    document = sqlite_stage.document()
    with sqlite_stage.api(sqlite_stage.alice) as api:
        answer = api.put(content_of(document), content=body, headers=headers)
        error_of(answer, status, code)
    assert sqlite_stage.log_of(document) == []


@pytest.mark.parametrize("kind", ["rich", "text"])
def test_content_has_a_bound_in_bytes(sqlite_stage: Stage, kind: str) -> None:
    """The bound itself is taken; a byte more is refused, of a new document and of one there is."""
    most = "é" * (CONTENT_BYTES // 2)
    with sqlite_stage.api(sqlite_stage.alice) as api:
        document = make(api, most, kind=kind)
        for sent, status in ((most, 200), (most + "x", 413)):
            answer = put(api, document, sent)
            assert answer.status_code == status, answer.text
        assert str(CONTENT_BYTES) in error_of(answer, 413, "too_large")
        new = api.post("/api/documents", json={"content": most + "x", "kind": kind})
        assert str(CONTENT_BYTES) in error_of(new, 413, "too_large")
        assert read(api, document, "text").strip() == most


def test_hostile_html_is_rendered_harmless(sqlite_stage: Stage) -> None:
    """Scripts, handlers and foreign images are gone; words stay."""
    source = (
        '<h1 onclick="x()">Hi</h1><script>alert(1)</script><p>a<img src="http://evil/x.png">'
        '<a href="javascript:alert(1)">link</a></p>'
    )
    with sqlite_stage.api(sqlite_stage.alice) as api:
        document = make(api, source, format="html")
        html = read(api, document, "html")
    assert "Hi" in html
    assert "link" in html
    for bad in ("script", "onclick", "evil", "javascript"):
        assert bad not in html
