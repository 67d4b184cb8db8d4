"""The home page: what it lists for whom, and what can be done from it, without a socket."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pycrdt
import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from collab import edits, log, sharing, shelf
from collab.actions import mirror_title
from collab.engine.errors import NoSuchRoom
from collab.models import Grant, Role, Room, StoredUpdate
from collab.shelf import View
from documents import actions, content
from documents.models import Attachment, Document, Visit

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def alice() -> User:
    """Who owns most of it."""
    return User.objects.create_user("alice", first_name="Alice", last_name="Liddell")


@pytest.fixture
def bob() -> User:
    """Whom things are shared with."""
    return User.objects.create_user("bob")


def browser(user: User) -> Client:
    """Open a browser in which somebody is logged in."""
    one = Client()
    one.force_login(user)
    return one


def titles(page: Any) -> list[str]:
    """Return what a page lists, in order."""
    text = unescape(page.content.decode())
    return re.findall(r'id="title-\d+">([^<]*)<', text)


def make(owner: User, title: str = "", **fields: Any) -> Document:
    """Make a document with some text, at a time of its own."""
    document = actions.create_document(actor=owner, title=title)
    if fields:
        Document.objects.filter(pk=document.pk).update(**fields)
    return document


def put_image(document: Document, key: str) -> Attachment:
    """Keep a file for a document, and show it there."""
    image = Attachment(document=document, key=key, content_type="image/png")
    image.size_bytes, image.width, image.height = 7, 1, 1
    image.file.save(key, ContentFile(b"picture"))

    def show(state: bytes) -> bytes:
        writer: pycrdt.Doc[Any] = pycrdt.Doc()
        writer.apply_update(state)
        body = writer.get("body", type=pycrdt.XmlFragment)
        body.children.append(pycrdt.XmlElement("image", {"src": str(image)}))
        return writer.get_update()

    edits.edit(document.room_id, None, show)
    return image


def many(owner: User, count: int, **fields: Any) -> list[Document]:
    """Make documents by the thousand, a second apart, latest first."""
    now = timezone.now()
    rooms = Room.objects.bulk_create(Room(kind="document") for _ in range(count))
    Grant.objects.bulk_create(Grant(room=room, user=owner, role=Role.OWNER) for room in rooms)
    return Document.objects.bulk_create(
        Document(room=room, title=f"D{n}", updated_at=now - timedelta(seconds=n), **fields)
        for n, room in enumerate(rooms)
    )


# What is listed


def test_each_view_lists_its_own(alice: User, bob: User) -> None:
    """Owned, shared and trashed documents are apart; recent ones are those that were opened."""
    mine, hers = make(bob, "Bob's"), make(alice, "Alice's")
    make(alice, "Secret")
    make(bob, "Gone", trashed_at=timezone.now())
    gone = make(alice, "Gone of Alice", trashed_at=timezone.now())
    for document in (hers, gone):
        sharing.grant(document.room, bob, Role.READER)
    for document in (mine, hers, gone):
        actions.note_visit(actor=bob, shared=document)
    home = browser(bob)
    shown = {view: titles(home.get("/", {"view": view.value})) for view in View}
    assert shown == {
        View.RECENT: ["Alice's", "Bob's"],
        View.OWNED: ["Bob's"],
        View.SHARED: ["Alice's"],
        View.TRASH: ["Gone"],
    }
    assert "Alice Liddell" in home.get("/?view=shared").content.decode()
    assert titles(home.get("/?view=nonsense")) == shown[View.RECENT]


def test_a_document_shared_twice_is_listed_once_with_its_highest_role(
    alice: User, bob: User
) -> None:
    """A grant of one's own and one of a group are one row."""
    group = Group.objects.create(name="writers")
    bob.groups.add(group)
    document = make(alice, "Twice")
    sharing.grant(document.room, bob, Role.READER)
    sharing.grant_group(document.room, group, Role.EDITOR)
    (row,) = shelf.page_of(Document, bob, View.SHARED).rows
    assert (row.can.role, row.owner, row.granted) == (Role.EDITOR, "Alice Liddell", True)
    sharing.grant(document.room, bob, Role.COMMENTER)
    assert shelf.page_of(Document, bob, View.SHARED).rows[0].can.role is Role.EDITOR
    sharing.grant_group(document.room, group, Role.READER)
    assert shelf.page_of(Document, bob, View.SHARED).rows[0].can.role is Role.COMMENTER


def test_a_group_can_own(alice: User, bob: User) -> None:
    """Its members find the document among their own, and others read the group's name."""
    group = Group.objects.create(name="The team")
    document = make(alice, "Ours")
    sharing.grant_group(document.room, group, Role.OWNER)
    sharing.revoke(document.room, alice)
    sharing.grant(document.room, bob, Role.READER)
    assert shelf.page_of(Document, bob, View.SHARED).rows[0].owner == "The team"
    bob.groups.add(group)
    assert [row.shared for row in shelf.page_of(Document, bob, View.OWNED).rows] == [document]
    assert shelf.page_of(Document, bob, View.SHARED).rows == []


def test_what_a_link_opened_is_recent_while_the_link_holds(alice: User, bob: User) -> None:
    """It is not listed as shared: a link is nobody's in particular."""
    document = make(alice, "By link")
    link = sharing.create_link(document.room, Role.READER)
    home = browser(bob)
    home.get(link.get_absolute_url(), follow=True)
    assert titles(home.get("/")) == ["By link"]
    assert titles(home.get("/?view=shared")) == []
    sharing.withdraw(link)
    assert titles(home.get("/")) == []


def test_a_superuser_sees_what_is_theirs(alice: User) -> None:
    """Everybody's documents would bury their own."""
    root = User.objects.create_superuser("root")
    make(alice, "Alice's")
    make(root, "Root's")
    assert titles(browser(root).get("/?view=owned")) == ["Root's"]


def test_a_visitor_goes_to_the_login_page() -> None:
    """Also out of a fragment, which would put the login form into the list."""
    assert Client().get("/").headers["Location"] == "/login/?next=/"
    page = {"HX-Current-URL": "http://testserver/?view=owned"}
    answer = Client().get("/?view=owned&rows=50", headers=HTMX | page)
    assert answer.headers["HX-Redirect"] == "/login/?next=/%3Fview%3Downed"


@pytest.mark.parametrize("address", ["http://[", "http://[x]y/", "//", "x" * 300])
def test_a_visitor_whose_page_has_no_address_logs_in(address: str) -> None:
    """What a browser says of where it is may be anything."""
    answer = Client().get("/", headers={"HX-Request": "true", "HX-Current-URL": address})
    assert answer.status_code == 200
    assert answer["HX-Redirect"].startswith("/login/?next=/")


def test_a_time_of_change_never_goes_back(alice: User) -> None:
    """Processes write it now and then: one that comes late knows of an earlier edit."""
    document = make(alice, "Plan")
    later = document.updated_at + timedelta(seconds=9)
    for edited_at in (later, later - timedelta(seconds=5)):
        mirror_title(Document, room_id=document.room_id, title="Plan", edited_at=edited_at)
        document.refresh_from_db()
        assert document.updated_at == later


def test_pages_follow_each_other_without_gap_or_double(alice: User) -> None:
    """By where the last one ended, also among documents of the same moment."""
    many(alice, 120)
    Document.objects.update(updated_at=timezone.now())
    home, after, seen = browser(alice), "", []
    for _ in range(3):
        page = home.get("/", {"view": "owned", "after": after})
        seen.append(titles(page))
        found = re.search(r'href="\?view=owned&amp;after=([\w.]+)"', page.content.decode())
        after = found[1] if found else ""
    assert [len(part) for part in seen] == [50, 50, 20]
    assert len({title for part in seen for title in part}) == 120
    assert after == ""


@pytest.mark.parametrize(
    "after", ["x", "9" * 18 + "." + "f" * 32, "1." + "0" * 32, "²." + "0" * 32]
)
def test_a_made_up_place_in_the_list_is_harmless(alice: User, after: str) -> None:
    """Addresses are typed, shortened and old."""
    make(alice, "One")
    assert browser(alice).get("/", {"view": "owned", "after": after}).status_code == 200


def test_a_refresh_shows_as_many_rows_as_before(alice: User) -> None:
    """Who asked for more is not sent back to the first fifty; the bound holds."""
    many(alice, 600)
    home = browser(alice)
    for rows, shown in (("", 50), ("100", 100), ("99999", 500), ("²", 50)):
        part = home.get("/", {"view": "owned", "rows": rows}, headers=HTMX)
        assert len(titles(part)) == shown
        assert "<html" not in part.content.decode()
        assert "HX-Request" in part.headers["Vary"]


QUERIES = 5  # Session, user, documents, their grants, the user's groups.


@pytest.mark.alone
@pytest.mark.parametrize("view", list(View))
def test_home_costs_the_same_with_ten_thousand_documents(
    alice: User, bob: User, view: View, django_assert_num_queries: Callable[..., Any]
) -> None:
    """The queries of one document, of fifty and of ten thousand are as many, in under 200 ms."""
    group = Group.objects.create(name="readers")
    alice.groups.add(group)
    home = browser(alice)
    made = 0
    for count in (1, 50, 10_000):
        owner = bob if view is View.SHARED else alice
        trashed = {"trashed_at": timezone.now()} if view is View.TRASH else {}
        documents = many(owner, count - made, **trashed)
        made = count
        if view is View.SHARED:
            Grant.objects.bulk_create(
                Grant(room_id=one.room_id, role=Role.READER, **to)
                for one in documents
                for to in ({"user": alice}, {"group": group})
            )
        if view is View.RECENT:
            Visit.objects.bulk_create(Visit(user=alice, document=one) for one in documents)
        if connection.vendor == "postgresql":
            # As autovacuum does a moment later; rows of this transaction it cannot see.
            connection.cursor().execute("ANALYZE")
        with django_assert_num_queries(QUERIES):
            page = home.get("/", {"view": view.value})
        assert len(titles(page)) == min(count, 50)
    best = min(_seconds(home, view) for _ in range(3))
    assert best < 0.2


def _seconds(home: Client, view: View) -> float:
    started = time.perf_counter()
    home.get("/", {"view": view.value})
    return time.perf_counter() - started


def test_home_begins_with_what_there_is(alice: User, bob: User) -> None:
    """Who has opened nothing yet sees their own documents, or what others share with them."""
    document = make(alice, "Plan")
    sharing.grant(document.room, bob, Role.READER)
    alices, bobs = browser(alice), browser(bob)
    assert titles(alices.get("/")) == titles(bobs.get("/")) == ["Plan"]
    assert titles(bobs.get("/?view=recent")) == []
    assert "No documents yet" in browser(User.objects.create_user("c")).get("/").content.decode()


# What can be done


def test_new_document_of_either_kind_opens(alice: User) -> None:
    """A kind that is not known is a document with formatting."""
    home = browser(alice)
    for kind, made in (("rich", "rich"), ("text", "text"), ("nonsense", "rich"), ("", "rich")):
        answer = home.post("/documents/", {"title": " A\tb ", "kind": kind})
        document = Document.objects.latest("created_at")
        assert answer.headers["Location"] == document.get_absolute_url()
        assert (document.kind, document.title) == (made, "A b")


def title_in_room(document: Document) -> str:
    return content.title_of(content.replica_of(edits.state_of(document.room_id)))


@pytest.mark.parametrize(
    "title", ["Zwölf", "Ein 😀 mehr", "", "😀😁", "Zwölf Boxkämpfer jagen", "x" * 300, "Zwelf 😀😀"]
)
def test_rename_changes_the_room_and_the_list(alice: User, title: str) -> None:
    """Whatever characters the old title and the new one have in common."""
    document = make(alice, "Zwölf 😀 Boxkämpfer")
    answer = browser(alice).post(f"/documents/{document.pk}/rename/", {"title": title})
    assert answer.headers["Location"] == "/?view=recent"
    document.refresh_from_db()
    assert title_in_room(document) == document.title == title


def test_rename_keeps_what_others_type_meanwhile(alice: User) -> None:
    """The edit is the smallest there is, not another title in place of the old one."""
    document = make(alice, "The old plan")
    theirs: pycrdt.Doc[Any] = pycrdt.Doc()
    theirs.apply_update(edits.state_of(document.room_id))
    before = theirs.get_state()
    text = theirs.get("title", type=pycrdt.Text)
    text.insert(12, " for all")
    text.insert(3, " very")
    browser(alice).post(f"/documents/{document.pk}/rename/", {"title": "The new plan"})
    edits.edit(document.room_id, alice.pk, lambda state: theirs.get_update(before))
    assert title_in_room(document) == "The very new plan for all"


def test_duplicate_has_the_text_and_nothing_of_the_past(alice: User, bob: User) -> None:
    """One first row of the copier's; what was deleted, and whatever no page shows, stays behind."""
    document = make(alice, "Plan")
    image = put_image(document, "k1")
    unused = Attachment.objects.get(pk=image.pk)
    unused.pk, unused.key = None, "k2"
    unused.save()
    writer: pycrdt.Doc[Any] = pycrdt.Doc()
    writer.apply_update(edits.state_of(document.room_id))
    body = writer.get("body", type=pycrdt.XmlFragment)
    line = body.children.append(pycrdt.XmlElement("paragraph")).children.append(pycrdt.XmlText())
    line.insert(0, "A secret: what stays")
    writer["hidden"] = pycrdt.Text("a hidden part")
    edits.edit(document.room_id, alice.pk, lambda state: writer.get_update())
    del line[0:10]
    edits.edit(document.room_id, alice.pk, lambda state: writer.get_update())
    sharing.grant(document.room, bob, Role.READER)
    browser(bob).post(f"/documents/{document.pk}/duplicate/")
    copy = Document.objects.exclude(pk=document.pk).get()
    rows = StoredUpdate.objects.filter(room=copy.room)
    assert (copy.title, title_in_room(copy)) == ("Copy of Plan", "Copy of Plan")
    assert [row.author for row in rows] == [bob]
    stored = b"".join(bytes(row.data) for row in rows)
    assert b"what stays" in stored
    assert b"secret" not in stored
    assert b"hidden" not in stored
    assert [(one.key, one.file.name) for one in copy.attachments.all()] == [("k1", image.file.name)]
    assert list(copy.room.grants.values_list("user", "role")) == [(bob.pk, Role.OWNER)]


def test_what_was_deleted_meanwhile_is_not_duplicated(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading it and making the copy: there would be no files for it."""
    document = make(alice, "Plan")
    put_image(document, "k1")
    read = edits.state_of

    def read_then_lose(room_id: int) -> bytes:
        state = read(room_id)
        Document.objects.filter(pk=document.pk).delete()
        return state

    monkeypatch.setattr(edits, "state_of", read_then_lose)
    with pytest.raises(NoSuchRoom):
        actions.duplicate(actor=alice, shared=document)
    assert not Document.objects.exists()


def test_duplicate_of_text_is_text(alice: User) -> None:
    """Its kind goes along."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["title"], doc["body"] = pycrdt.Text("Notes"), pycrdt.Text("# Über\n😀")
    document = actions.create_document(
        actor=alice, title="Notes", kind="text", content=doc.get_update()
    )
    browser(alice).post(f"/documents/{document.pk}/duplicate/")
    copy = Document.objects.exclude(pk=document.pk).get()
    read = content.replica_of(edits.state_of(copy.room_id))
    assert copy.kind == "text"
    assert str(read.doc.get("body", type=pycrdt.Text)) == "# Über\n😀"


def test_trash_and_undo(alice: User, bob: User) -> None:
    """The document leaves everybody's list and page, and comes back as it was."""
    document = make(alice, "Draft")
    sharing.grant(document.room, bob, Role.EDITOR)
    home = browser(alice)
    answer = home.post(f"/documents/{document.pk}/trash/", {"view": "owned"}, follow=True)
    assert titles(answer) == []
    undo = re.search(r'action="([^"]*/restore/)"', answer.content.decode())
    assert undo is not None
    assert browser(bob).get(document.get_absolute_url()).status_code == 404
    assert titles(browser(bob).get("/?view=shared")) == []
    assert titles(home.get("/?view=trash")) == ["Draft"]
    assert titles(home.post(undo[1], {"view": "owned"}, follow=True)) == ["Draft"]
    assert titles(browser(bob).get("/?view=shared")) == ["Draft"]


def test_delete_for_ever_asks_and_takes_the_files(
    alice: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    """Only from the trash; a file that a copy shows too stays until the copy is deleted."""
    document = make(alice, "Draft")
    image = put_image(document, "k1")
    storage, name = image.file.storage, image.file.name
    copy = actions.duplicate(actor=alice, shared=document)
    home = browser(alice)
    home.post(f"/documents/{document.pk}/delete/")
    assert Document.objects.filter(pk=document.pk).exists()
    for one, there in ((document, True), (copy, False)):
        actions.trash(actor=alice, shared=one)
        assert "for ever?" in home.get(f"/documents/{one.pk}/delete/").content.decode()
        with django_capture_on_commit_callbacks(execute=True):
            home.post(f"/documents/{one.pk}/delete/")
        assert not Document.objects.filter(pk=one.pk).exists()
        assert not Room.objects.filter(pk=one.room_id).exists()
        assert storage.exists(name) is there


def test_leaving_takes_ones_own_grant(alice: User, bob: User) -> None:
    """The others' stay; the last owner cannot leave, and is told so."""
    document = make(alice, "Shared")
    sharing.grant(document.room, bob, Role.EDITOR)
    answer = browser(bob).post(f"/documents/{document.pk}/leave/", {"view": "shared"}, headers=HTMX)
    assert "no longer shared with you" in answer.content.decode()
    assert titles(answer) == []
    answer = browser(alice).post(f"/documents/{document.pk}/leave/", headers=HTMX)
    assert "Somebody must own it" in answer.content.decode()
    assert [grant.user for grant in document.room.grants.all()] == [alice]


ACTIONS = ("rename", "duplicate", "trash", "restore", "delete", "leave")


@pytest.mark.parametrize("action", ACTIONS)
def test_nobody_acts_on_what_is_not_theirs(alice: User, bob: User, action: str) -> None:
    """Missing and forbidden look the same, nothing changes, and the list is the way out."""
    document = make(alice, "Alice's", trashed_at=timezone.now() if action == "restore" else None)
    before = Document.objects.values().get(), Grant.objects.count(), log.heads([document.room_id])
    bobs = browser(bob)
    missing = f"/documents/00000000-0000-4000-8000-000000000000/{action}/"
    for url in (f"/documents/{document.pk}/{action}/", missing):
        assert "not there any more" in bobs.post(url, {"title": "x"}, follow=True).content.decode()
        assert "not there any more" in bobs.post(url, headers=HTMX).content.decode()
    assert Client().post(f"/documents/{document.pk}/{action}/").status_code == 302
    after = Document.objects.values().get(), Grant.objects.count(), log.heads([document.room_id])
    assert before == after


@pytest.mark.parametrize("action", ["rename", "trash", "restore", "delete"])
def test_readers_change_nothing(alice: User, bob: User, action: str) -> None:
    """Who may read is told that this is not theirs to do."""
    document = make(alice, "Alice's")
    sharing.grant(document.room, bob, Role.READER)
    before = Document.objects.values().get()
    answer = browser(bob).post(f"/documents/{document.pk}/{action}/", {"title": "x"}, headers=HTMX)
    assert "no longer have the right" in answer.content.decode()
    assert Document.objects.values().get() == before


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_need_a_token_and_a_post(alice: User, action: str) -> None:
    """No other site, and no prefetching browser, acts for anybody."""
    document = make(alice, "Alice's")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    url = f"/documents/{document.pk}/{action}/"
    before = Document.objects.values().get()
    assert strict.post(url, {"title": "x"}).status_code == 403
    assert strict.get(url).status_code in (200, 405)
    assert Document.objects.values().get() == before


def test_titles_are_text(alice: User) -> None:
    """Nobody's title, name or notice is markup on another's page."""
    evil = "<img src=x onerror=alert(1)>"
    document = make(alice, evil)
    User.objects.filter(pk=alice.pk).update(first_name=evil)
    home = browser(alice)
    page = home.post(f"/documents/{document.pk}/duplicate/", {"view": "owned"}, follow=True)
    assert "<img src=x" not in page.content.decode()
    assert page.content.decode().count("&lt;img src=x") > 2
