"""The history of a document: its page, and restoring."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pycrdt
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from collab import edits, history, sharing
from collab.models import Role, StoredUpdate
from collab.versions import NOBODY
from documents import content, versions
from documents.actions import create_document
from documents.content import rewrite
from documents.content.parse import parse_markdown
from documents.models import Document

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 50_000
MOST_S = 0.2

pytestmark = pytest.mark.django_db


class Desk:
    """A document of Alice's that Bob may edit, Rita read and Charlie not see."""

    def __init__(self, kind: str = Document.Kind.RICH) -> None:
        self.users = {
            name: User.objects.create_user(name, first_name=name.title())
            for name in ("alice", "bob", "rita", "charlie")
        }
        self.document = create_document(actor=self.users["alice"], title="Plan", kind=kind)
        sharing.grant(self.document.room, self.users["bob"], Role.EDITOR)
        sharing.grant(self.document.room, self.users["rita"], Role.READER)

    def write(self, name: str, source: str, title: str | None = None) -> int:
        """Make the document what is written in Markdown. Returns the seq."""
        kind = self.document.kind
        text = {"type": "text", "text": source}
        tree = text if kind == Document.Kind.TEXT else parse_markdown(source)
        return edits.edit(
            self.document.room_id,
            self.users[name].pk,
            lambda state: rewrite.edit(state, tree, kind, title),
        )

    def text(self) -> str:
        replica = content.replica_of(edits.state_of(self.document.room_id))
        return content.as_text(replica, self.document.kind)

    def client(self, name: str) -> Client:
        client = Client()
        client.force_login(self.users[name])
        return client

    def url(self, name: str = "versions", *args: Any) -> str:
        return reverse(f"documents:{name}", args=[self.document.pk, *args])

    def page(self, name: str = "bob", **query: Any) -> str:
        """Read the page, or with `part` what htmx asks for."""
        headers = {"HX-Request": "true"} if query.pop("part", False) else {}
        answer = self.client(name).get(self.url(), query, headers=headers)
        assert answer.status_code == 200
        return answer.content.decode()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_page_lists_who_wrote_when(desk: Desk) -> None:
    """Each author's stretch is an entry, with what was named marked."""
    desk.write("alice", "one")
    desk.write("bob", "one two")
    history.name_version(actor=None, room=desk.document.room, seq=2, name="First <draft>")
    page = desk.page()
    assert page.index("Bob") < page.index("First &lt;draft&gt;") < page.index("Alice")
    assert re.findall(r'data-seq="(\d+)"', page) == ["3", "2"]


def test_page_of_an_untouched_document_says_so(desk: Desk) -> None:
    """There is nothing to list, to show or to name."""
    empty = create_document(actor=desk.users["bob"])
    client = desk.client("bob")
    url = reverse("documents:versions", args=[empty.pk])
    assert "Nobody has changed anything here yet" in client.get(url).content.decode()
    after = client.post(url, {"name": "Nothing"}, follow=True)
    assert "There is nothing in this document yet." in after.content.decode()


def test_edits_without_an_account_are_somebodys(desk: Desk) -> None:
    """A guest, and who has left, are told from people with an account."""
    desk.write("alice", "one")
    StoredUpdate.objects.filter(room_id=desk.document.room_id).update(author=None)
    assert str(NOBODY) in desk.page()


def test_version_is_shown_as_it_was(desk: Desk) -> None:
    """Title and text of then, as a part of the page and within it."""
    seq = desk.write("alice", "# Old\n\n**bold** <script>x</script>", title="Old plan")
    desk.write("bob", "new", title="New plan")
    for part in (False, True):
        page = desk.page(seq=seq, part=part)
        assert ("<html" in page) is not part
        assert "<strong>bold</strong>" in page
        assert "Old plan" in page
        assert "<script>x" not in page
    assert "New plan" in desk.page(seq="now", part=True)


def test_versions_are_compared_in_the_order_of_time(desk: Desk) -> None:
    """Whichever is asked for first; the empty document is older than all."""
    one = desk.write("alice", "a small step", title="Plan")
    two = desk.write("bob", "a big step", title="Plan B")
    for query in ({"seq": two, "against": one}, {"seq": one, "against": two},
                  {"seq": one, "against": "now"}):  # fmt: skip
        page = desk.page(part=True, **query)
        assert "a <del>small</del><ins>big</ins> step" in page
        assert "Plan<ins> B</ins>" in page
        assert "2 words added" in page
        assert "1 word deleted" in page
    assert "<ins>a small step</ins>" in desk.page(part=True, seq=one, against=0)
    assert "No words differ" in desk.page(part=True, seq=one, against=one)


def test_text_is_compared_in_lines() -> None:
    """Code keeps its spaces, and is never taken for HTML."""
    desk = Desk(Document.Kind.TEXT)
    one = desk.write("alice", "if a:\n    <b>")
    two = desk.write("bob", "if a:\n    <i>")
    assert "if a:\n    &lt;b&gt;" in desk.page(part=True, seq=one)
    assert "&lt;<del>b</del><ins>i</ins>&gt;" in desk.page(part=True, seq=two, against=one)


@pytest.mark.parametrize(
    "query",
    [{"seq": 99}, {"seq": 0}, {"seq": "x"}, {"seq": "1" * 30}, {"seq": -1}, {"before": "²"},
     {"seq": 1, "against": 99}, {"seq": "now", "against": "now"}],
)  # fmt: skip
def test_version_that_is_not_there_is_404(desk: Desk, query: dict[str, Any]) -> None:
    """Also what is no number, and what no database could hold."""
    desk.write("alice", "one")
    assert desk.client("bob").get(desk.url(), query).status_code == 404


@pytest.mark.parametrize(("name", "status"), [("rita", 403), ("charlie", 404)])
def test_history_is_for_who_may_write(desk: Desk, name: str, status: int) -> None:
    """It shows what was deleted: a reader sees the document only as it is."""
    seq = desk.write("alice", "one")
    client = desk.client(name)
    assert client.get(desk.url()).status_code == status
    assert client.post(desk.url(), {"name": "x"}).status_code == status
    for action in ("name_version", "restore_version"):
        assert client.post(desk.url(action, seq), {"name": "x"}).status_code == status
    assert desk.document.room.versions.count() == 0


def test_restore_brings_title_and_text_back(desk: Desk) -> None:
    """By an edit of whoever did it, which can be undone like any other version."""
    seq = desk.write("alice", "one\n\ntwo", title="Old")
    desk.write("alice", "one\n\n2\n\nthree", title="New")
    client = desk.client("bob")
    after = client.post(desk.url("restore_version", seq), follow=True)
    assert "The version was restored" in after.content.decode()
    desk.document.refresh_from_db()
    assert (desk.text(), desk.document.title) == ("one\ntwo", "Old")
    newest = history.timeline(desk.document.room).entries[0]
    assert newest.author_id == desk.users["bob"].pk
    undo = re.search(r'action="([^"]+/restore/[^"]*)"', after.content.decode())
    assert undo is not None
    client.post(undo[1])
    desk.document.refresh_from_db()
    assert (desk.text(), desk.document.title) == ("one\n2\nthree", "New")


def test_undo_of_a_restore_keeps_what_was_written_after_it(desk: Desk) -> None:
    """The notice's Undo takes back the restore, and not the words that followed it."""
    seq = desk.write("alice", "one line\n\ntwo", title="Old")
    desk.write("alice", "one sentence", title="New")
    client = desk.client("bob")
    after = client.post(desk.url("restore_version", seq), follow=True).content.decode()
    desk.write("alice", "one line\n\ntwo\n\nthree", title="Old")
    undo = re.search(r'action="([^"]+/restore/[^"]*)"', after)
    assert undo is not None
    assert client.post(undo[1]).status_code == 302
    desk.document.refresh_from_db()
    assert (desk.text(), desk.document.title) == ("one sentence\nthree", "New")


def test_restore_of_what_is_there_changes_nothing(desk: Desk) -> None:
    """It says so, and adds no row."""
    seq = desk.write("alice", "one")
    after = desk.client("bob").post(desk.url("restore_version", seq), follow=True)
    assert "like that version already" in after.content.decode()
    assert history.timeline(desk.document.room).entries[0].seq == seq


def test_restore_keeps_what_is_written_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words that somebody stores while the edit is made, in a paragraph that it changes."""
    seq = desk.write("alice", "the first line\n\nthe last line")
    desk.write("alice", "the first sentence\n\nthe last line")
    edit = rewrite.edit

    def slowly(*args: Any) -> bytes | None:
        update = edit(*args)
        monkeypatch.setattr(rewrite, "edit", edit)
        desk.write("bob", "the first sentence, too\n\nthe very last line")
        return update

    monkeypatch.setattr(rewrite, "edit", slowly)
    versions.restore(actor=desk.users["alice"], shared=desk.document, seq=seq)
    assert desk.text() == "the first line, too\nthe very last line"


def test_name_and_unname_from_the_page(desk: Desk) -> None:
    """The state as it is, and a version; a name that is none is refused in words."""
    desk.write("alice", "one")
    seq = desk.write("bob", "two")
    client = desk.client("bob")
    assert "Draft" in client.post(desk.url(), {"name": "Draft"}, follow=True).content.decode()
    named = desk.document.room.versions.get()
    assert (named.seq, named.named_by) == (seq, desk.users["bob"])
    client.post(desk.url("name_version", seq), {"name": "Final"})
    assert desk.document.room.versions.get().name == "Final"
    refused = client.post(desk.url("name_version", seq), {"name": " "}, follow=True)
    assert "Give it a name." in refused.content.decode()
    client.post(desk.url("name_version", seq), {"name": "Final", "remove": "1"})
    assert desk.document.room.versions.count() == 0
    for query in ({"remove": "1"}, {"name": "x"}):
        assert client.post(desk.url("name_version", 77), query).status_code == 404


def test_names_of_others_are_for_owners_to_change(desk: Desk) -> None:
    """Others see no form for it, and are refused in words."""
    seq = desk.write("bob", "one")
    sharing.grant(desk.document.room, desk.users["rita"], Role.EDITOR)
    url = desk.url("name_version", seq)
    desk.client("bob").post(url, {"name": "Draft"})
    for name, may in (("alice", True), ("bob", True), ("rita", False)):
        assert (f'action="{url}"' in desk.page(name, seq=seq)) is may
    for query in ({"name": "Mine"}, {"name": "Draft", "remove": "1"}):
        refused = desk.client("rita").post(url, query, follow=True)
        assert "whoever gave this version its name" in refused.content.decode()
        assert desk.document.room.versions.get().name == "Draft"
    desk.client("alice").post(url, {"name": "Draft", "remove": "1"})
    assert not desk.document.room.versions.exists()


def test_page_and_its_parts_are_kept_apart_by_caches(desk: Desk) -> None:
    """One address answers with both."""
    seq = desk.write("bob", "one")
    for query in ({}, {"seq": seq}):
        for headers in ({}, {"HX-Request": "true"}):
            answer = desk.client("bob").get(desk.url(), query, headers=headers)
            assert "HX-Request" in answer["Vary"]


def fill(document: Document, authors: list[User | None]) -> None:
    """Write the rows of a long history: each adds a letter, and every 40th comes after a rest."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    body = doc.get("body", type=pycrdt.Text)
    updates: list[bytes] = []
    observer = doc.observe(lambda event: updates.append(event.update))
    rows, at = [], START
    for seq in range(document.room.head + 1, ROWS + 1):
        body += "abcdefghi "[seq % 10]
        at += timedelta(minutes=30) if seq % 40 == 0 else timedelta(seconds=2)
        author = authors[seq // 50 % len(authors)]
        rows.append(
            StoredUpdate(
                room_id=document.room_id, seq=seq, author=author, data=updates[-1], created_at=at
            )
        )  # fmt: skip
    doc.unobserve(observer)
    StoredUpdate.objects.bulk_create(rows, batch_size=2000)
    document.room.head = ROWS
    document.room.save()


@pytest.mark.alone
def test_timeline_of_a_long_history_is_quick() -> None:
    """50,000 rows, of many versions and of few: a page within 200 ms, the queries as ever."""
    desk = Desk(Document.Kind.TEXT)
    client = desk.client("bob")

    def took(**query: Any) -> tuple[float, int, str]:
        with CaptureQueriesContext(connection) as asked:
            began = time.perf_counter()
            answer = client.get(desk.url(), query)
            return time.perf_counter() - began, len(asked), answer.content.decode()

    few = took()[1]
    fill(desk.document, [*desk.users.values(), None])
    seconds, queries, page = min(took() for _ in range(3))
    assert (seconds < MOST_S, queries) == (True, few)
    before = re.search(r"\?before=(\d+)", page)
    assert before is not None
    seconds, queries, earlier = min(took(before=before[1]) for _ in range(3))
    # One more: what went on from the page before.
    assert (seconds < MOST_S, queries) == (True, few + 1)
    assert page.count("data-seq") == earlier.count("data-seq") == history.PAGE
    more = desk.page(before=before[1], part=True)
    assert more.count("data-seq") == history.PAGE
    assert "<html" not in more

    # Now one stretch of each author, all as long as the history.
    StoredUpdate.objects.update(created_at=START)
    seconds, queries, page = min(took() for _ in range(3))
    assert (seconds < MOST_S, queries) == (True, few)
    assert page.count("data-seq") == 5
    began = time.perf_counter()
    assert len(content.as_text(versions.replica_at(desk.document, ROWS // 2), "text")) > 24_000
    assert time.perf_counter() - began < 3
