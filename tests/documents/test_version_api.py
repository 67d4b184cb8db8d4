"""A document's history over HTTP, and a restore while somebody types, on a running site."""

from __future__ import annotations

import asyncio
import re
import uuid

import httpx
import pycrdt
import pytest

from tests.documents.cast import Stage
from tests.documents.test_api import error_of


class Shelf:
    """A document with two versions in it: Alice's and Bob's."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.alice, self.bob = stage.api(stage.alice), stage.api(stage.bob)
        made = self.alice.post("/api/documents", json={"title": "Plan", "kind": "text"})
        self.document = made.json()["id"]
        self.url = f"/api/documents/{self.document}"
        for name, role in (("bob", "editor"), ("rita", "reader")):
            granted = self.alice.post(f"{self.url}/grants", json={"user": name, "role": role})
            assert granted.status_code == 201, granted.text
        self.one = self.write(self.alice, "one")
        self.two = self.write(self.bob, "one two")

    def write(self, api: httpx.Client, text: str) -> int:
        answer = api.put(
            f"{self.url}/content", content=text.encode(), headers={"Content-Type": "text/plain"}
        )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["seq"])

    def text(self) -> str:
        return self.alice.get(f"{self.url}/content", params={"format": "text"}).text


@pytest.fixture
def shelf(sqlite_stage: Stage) -> Shelf:
    return Shelf(sqlite_stage)


def test_versions_are_listed_newest_first_in_pages(shelf: Shelf) -> None:
    """Each with who wrote it, from and to which edit, and where the next page begins."""
    page = shelf.bob.get(f"{shelf.url}/versions", params={"limit": 1}).json()
    (newest,) = page["versions"]
    bob = {"id": str(shelf.stage.bob.id), "name": "Bob Cratchit"}
    times = {"started_at": newest["started_at"], "ended_at": newest["ended_at"]}
    assert newest == times | {
        "seq": shelf.two, "from_seq": shelf.two, "author": bob, "edits": 1, "name": None,
    }  # fmt: skip
    older = {"limit": 1, "cursor": page["next"]}
    rest = shelf.bob.get(f"{shelf.url}/versions", params=older).json()
    assert [version["author"]["name"] for version in rest["versions"]] == ["Alice Liddell"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("format", "kind", "text"),
    [("html", "text/html", "<pre><code>one</code></pre>"), ("text", "text/plain", "one"),
     ("markdown", "text/markdown", "one"),
     ("json", "application/json", '{"type": "text", "text": "one"}')],
)  # fmt: skip
def test_version_is_read_in_every_format(shelf: Shelf, format: str, kind: str, text: str) -> None:
    """As the live content is."""
    answer = shelf.bob.get(f"{shelf.url}/versions/{shelf.one}", params={"format": format})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.text == text


def test_version_as_an_update_makes_the_same_document(shelf: Shelf) -> None:
    """One Yjs update holds all of it."""
    answer = shelf.bob.get(f"{shelf.url}/versions/{shelf.one}", params={"format": "yjs"})
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc.apply_update(answer.content)
    assert str(doc.get("body", type=pycrdt.Text)) == "one"


def test_names_are_given_changed_and_taken(shelf: Shelf) -> None:
    """201 with what was named, 204 when the name is gone, 404 when there was none."""
    now = shelf.bob.post(f"{shelf.url}/versions", json={"name": "Now"})
    assert (now.status_code, now.json()["seq"], now.json()["name"]) == (201, shelf.two, "Now")
    then = shelf.bob.post(f"{shelf.url}/versions", json={"name": "Then", "seq": shelf.one})
    assert then.status_code == 201
    names = [v["name"] for v in shelf.bob.get(f"{shelf.url}/versions").json()["versions"]]
    assert names[:2] == ["Now", "Then"]
    assert shelf.bob.delete(f"{shelf.url}/versions/{shelf.one}").status_code == 204
    error_of(shelf.bob.delete(f"{shelf.url}/versions/{shelf.one}"), 404, "not_found")
    error_of(shelf.bob.post(f"{shelf.url}/versions", json={"name": " "}), 422, "bad_name")
    error_of(shelf.bob.post(f"{shelf.url}/versions", json={"name": "x" * 201}), 422, "invalid")


@pytest.mark.parametrize("seq", [0, 99, 2**63, 10**30])
def test_version_that_is_not_there_is_404(shelf: Shelf, seq: int) -> None:
    """For reading, restoring and un-naming; naming says which field is wrong."""
    url = f"{shelf.url}/versions/{seq}"
    for answer in (shelf.bob.get(url), shelf.bob.post(f"{url}/restore"), shelf.bob.delete(url)):
        error_of(answer, 404, "not_found")
    named = shelf.bob.post(f"{shelf.url}/versions", json={"name": "x", "seq": seq})
    assert named.status_code == (404 if seq == 99 else 422)


def test_history_is_for_who_may_write(shelf: Shelf) -> None:
    """A reader may not see what was deleted, a stranger not that there is anything."""
    url = f"{shelf.url}/versions"
    for name, status, code in (("rita", 403, "read_only"), ("charlie", 404, "not_found")):
        with shelf.stage.api(shelf.stage.people[name]) as api:
            for answer in (
                api.get(url), api.post(url, json={"name": "x"}), api.get(f"{url}/{shelf.one}"),
                api.delete(f"{url}/{shelf.one}"), api.post(f"{url}/{shelf.one}/restore"),
            ):  # fmt: skip
                error_of(answer, status, code)
    with shelf.stage.api() as nobody:
        error_of(nobody.get(url), 401, "not_authenticated")
    missing = shelf.bob.get(f"/api/documents/{uuid.uuid4()}/versions")
    error_of(missing, 404, "not_found")


def digits(count: int) -> str:
    return "".join(str(n % 10) for n in range(count))


async def test_restore_meets_somebody_who_types(shelf: Shelf) -> None:
    """An open editor sees the old text at once; all it typed after that stays, all agree."""
    peer = shelf.stage.peer(shelf.stage.bob, shelf.document)
    peer.text = peer.doc.get("body", type=pycrdt.Text)
    await peer.connect()
    await peer.until(lambda: str(peer.text) == "one two")
    url = f"{shelf.url}/versions/{shelf.one}/restore"
    restoring = asyncio.create_task(asyncio.to_thread(shelf.alice.post, url))
    typed = 0
    while not restoring.done():
        await peer.write(str(typed % 10))
        typed += 1
        await asyncio.wait([restoring], timeout=0.01)
    restored = restoring.result()
    assert restored.status_code == 200, restored.text
    await peer.until(lambda: "two" not in str(peer.text))
    await peer.write("!")
    await peer.until_saved()
    text = str(peer.text)
    assert re.fullmatch(r"one ?\d*!", text)
    assert shelf.text() == text
    seq = restored.json()["seq"]
    undo = f"{shelf.url}/versions/{seq - 1}/restore"
    assert shelf.alice.post(undo, params={"since": seq}).status_code == 200
    await peer.until(lambda: "two" in str(peer.text))
    assert sorted(str(peer.text)) == sorted(f"one two{digits(typed)}!")
    await peer.close()
