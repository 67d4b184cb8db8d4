"""The history of a room: versions by author and rest, states, and names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pycrdt
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from collab import conf, edits, history, log
from collab.engine.replica import Replica
from collab.history import (
    BadName,
    Entry,
    NoSuchVersion,
    NotYourName,
    Timeline,
    TooManyNames,
)
from collab.models import Room, StoredUpdate, Version

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = conf.room_limits().update


class Book:
    """A room whose rows are written one by one, each a letter."""

    def __init__(self) -> None:
        self.room = log.create("test")
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.text = self.doc.get("text", type=pycrdt.Text)
        self.people = {name: User.objects.create(username=name).pk for name in ("ann", "bob")}

    def letter(self, letter: str) -> bytes:
        before = self.doc.get_state()
        self.text.insert(len(self.text), letter)
        return self.doc.get_update(before)

    def write(self, *rows: tuple[str | None, float], update: bytes | None = None) -> None:
        """Add rows: who wrote each, and how many minutes after the start."""
        made = []
        for name, minutes in rows:
            self.room.head += 1
            data = self.letter(chr(96 + self.room.head % 26)) if update is None else update
            made.append(
                StoredUpdate(
                    room=self.room, seq=self.room.head, data=data,
                    author_id=self.people[name] if name else None,
                    created_at=START + timedelta(minutes=minutes),
                )
            )  # fmt: skip
        StoredUpdate.objects.bulk_create(made)
        self.room.save()

    def shown(self, entries: list[Entry]) -> list[tuple[str, int, int, int]]:
        """Show versions as (author, first row, last row, number of edits)."""
        names = {pk: name for name, pk in self.people.items()} | {None: "-"}
        return [(names[e.author_id], e.from_seq, e.seq, e.edits) for e in entries]

    def versions(self) -> list[tuple[str, int, int, int]]:
        return self.shown(history.timeline(self.room).entries)


def text_of(state: bytes) -> str:
    replica = Replica(LIMITS)
    assert replica.load([state]) == []
    return str(replica.doc.get("text", type=pycrdt.Text))


@pytest.fixture
def book() -> Book:
    return Book()


def test_rest_ends_a_version(book: Book) -> None:
    """One author's rows belong together until they rest for more than ten minutes."""
    book.write(("ann", 0), ("ann", 9.9), ("ann", 19.8), ("ann", 29.9), ("ann", 30))
    assert book.versions() == [("ann", 4, 5, 2), ("ann", 1, 3, 3)]


def test_rest_is_a_setting(book: Book, settings: Any) -> None:
    """A host decides how fine its history is."""
    settings.COLLAB_SESSION_GAP_S = 60
    book.write(("ann", 0), ("ann", 0.9), ("ann", 2))
    assert book.versions() == [("ann", 3, 3, 1), ("ann", 1, 2, 2)]


def test_two_authors_at_once_are_two_versions(book: Book) -> None:
    """However their rows alternate; each is named by its own last row."""
    book.write(("ann", 0), ("bob", 1), ("ann", 2), ("bob", 3), (None, 4), ("ann", 5))
    assert book.versions() == [("ann", 1, 6, 3), ("-", 5, 5, 1), ("bob", 2, 4, 2)]


def test_version_knows_when_it_began_and_ended(book: Book) -> None:
    """The times are those of its first and last row, to the millisecond."""
    book.write(("ann", 0), ("ann", 5))
    (entry,) = history.timeline(book.room).entries
    assert abs(entry.started_at - START) < timedelta(milliseconds=1)
    assert abs(entry.ended_at - START - timedelta(minutes=5)) < timedelta(milliseconds=1)


def test_history_of_an_untouched_room_is_empty(book: Book) -> None:
    """A room without rows has no versions."""
    assert history.timeline(book.room) == Timeline([], None)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
def test_pages_together_are_the_whole_timeline(book: Book, limit: int) -> None:
    """No version is cut, doubled or left out where one page ends and the next begins."""
    turns = ("ann", "bob", None, "ann", "ann", "bob")
    book.write(*((turns[n % 6], n * 3 + 25 * (n // 9)) for n in range(60)))
    history.name_version(actor=None, room=book.room, seq=17, name="Seventeen")
    history.name_version(actor=None, room=book.room, seq=33, name="Thirty-three")
    whole = history.timeline(book.room, limit=1000)
    assert whole.before is None
    assert sum(entry.edits for entry in whole.entries) == 60
    paged: list[Entry] = []
    before = None
    while True:
        page = history.timeline(book.room, before=before, limit=limit)
        paged += page.entries
        before = page.before
        if before is None:
            break
        assert len(page.entries) == limit
    assert paged == whole.entries
    assert len(paged) > 12


def test_history_longer_than_a_page_reads_goes_on(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that reads all rows it may says where the next begins; no version comes twice."""
    monkeypatch.setattr(history, "_ROWS", 10)
    book.write(*(("ann", 0.1 * n) for n in range(35)), ("bob", 4), ("ann", 4.1))
    first = history.timeline(book.room)
    assert book.shown(first.entries) == [("ann", 28, 37, 9), ("bob", 36, 36, 1)]
    before, others = first.before, []
    while before is not None:
        page = history.timeline(book.room, before=before)
        others += page.entries
        before = page.before
    assert others == []


def test_pages_take_the_same_queries_however_long_the_history(book: Book) -> None:
    """Two for the first page, three for one after it."""
    for rows in (1, 100, 1000):
        book.write(*(("ann", n) for n in range(rows)))
        for before, count in ((None, 2), (book.room.head, 3)):
            with CaptureQueriesContext(connection) as asked:
                history.timeline(book.room, before=before)
            assert len(asked) == count


def test_state_is_that_of_all_rows_up_to_it(book: Book) -> None:
    """Whatever is there to begin from: nothing, a snapshot before or after it, a named version."""
    book.write(*(("ann", n) for n in range(10)))
    assert text_of(history.state_at(book.room.pk, 4)) == "abcd"
    log.compact(book.room.pk, LIMITS)
    assert text_of(history.state_at(book.room.pk, 4)) == "abcd"
    assert text_of(history.state_at(book.room.pk, 10)) == "abcdefghij"
    book.write(("ann", 11), ("ann", 12))
    assert text_of(history.state_at(book.room.pk, 11)) == "abcdefghijk"
    history.name_version(actor=None, room=book.room, seq=4, name="Four")
    with CaptureQueriesContext(connection) as asked:
        assert text_of(history.state_at(book.room.pk, 6)) == "abcdef"
    assert any('"seq" > 4' in query["sql"] for query in asked.captured_queries)


def test_state_of_now_says_up_to_which_row_it_goes(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if somebody writes while it is read: who writes on from there counts on it."""
    assert edits.state_and_seq_of(book.room.pk)[1] == 0
    book.write(("ann", 0), ("ann", 1))
    read = log.read

    def late(*args: Any, **kwargs: Any) -> Any:
        book.write(("bob", 2))
        return read(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(log, "read", late)
        state, seq = edits.state_and_seq_of(book.room.pk)
    assert (text_of(state), seq) == ("abc", 3)
    log.compact(book.room.pk, LIMITS)
    assert edits.state_and_seq_of(book.room.pk)[1] == 3


@pytest.mark.parametrize("seq", [-1, 0, 4, 2**62])
def test_state_of_no_row_is_refused(book: Book, seq: int) -> None:
    """Before the first and after the last row there is nothing to show."""
    book.write(("ann", 0), ("ann", 1), ("ann", 2))
    for _ in range(2):
        with pytest.raises(NoSuchVersion):
            history.state_at(book.room.pk, seq)
        log.compact(book.room.pk, LIMITS)


def test_named_state_that_waits_is_no_base_for_later_ones(book: Book) -> None:
    """An edit whose predecessor came later is left out of that state, and there in the next."""
    first, missing, late = book.letter("a"), book.letter("b"), book.letter("c")
    for update in (first, late, missing):
        book.write(("ann", 0), update=update)
    version = history.name_version(actor=None, room=book.room, seq=2, name="Gap")
    assert not version.whole
    assert text_of(history.state_at(book.room.pk, 2)) == "a"
    assert text_of(history.state_at(book.room.pk, 3)) == "abc"


def test_name_ends_a_version(book: Book) -> None:
    """What was named can be found in the timeline, with the edits that led to it."""
    ann = User.objects.get(username="ann")
    book.write(("ann", 0), ("ann", 1), ("ann", 2), ("ann", 3))
    version = history.name_version(actor=ann, room=book.room, seq=2, name="  Two\n words ")
    assert (version.name, version.named_by, version.whole) == ("Two words", ann, True)
    assert version.created_at == START + timedelta(minutes=1)
    assert book.versions() == [("ann", 3, 4, 2), ("ann", 1, 2, 2)]
    assert [entry.name for entry in history.timeline(book.room).entries] == [None, "Two words"]


def test_name_without_a_seq_is_for_the_state_as_it_is_now(book: Book) -> None:
    """Also when the room that the caller holds is older than that."""
    stale = Room.objects.get(pk=book.room.pk)
    book.write(("ann", 0), ("ann", 1))
    assert history.name_version(actor=None, room=stale, name="Now").seq == 2


def test_name_can_be_changed_and_taken_away(book: Book) -> None:
    """A new name keeps the state; without a name the version is one by its author again."""
    book.write(("ann", 0), ("ann", 1))
    ann = User.objects.get(username="ann")
    history.name_version(actor=ann, room=book.room, seq=1, name="One")
    history.name_version(actor=ann, room=book.room, seq=1, name="First")
    assert Version.objects.get().name == "First"
    history.unname_version(actor=ann, room=book.room, seq=1)
    assert book.versions() == [("ann", 1, 2, 2)]
    with pytest.raises(NoSuchVersion):
        history.unname_version(actor=ann, room=book.room, seq=1)


@pytest.mark.parametrize("giver", ["ann", None])
def test_name_is_its_givers_and_the_owners(book: Book, giver: str | None) -> None:
    """Who has no account cannot be told from another: such a name is the owners' alone."""
    book.write(("ann", 0))
    people = {user.username: user for user in User.objects.all()}
    history.name_version(actor=people.get(giver or ""), room=book.room, seq=1, name="One")
    assert history.timeline(book.room).entries[0].named_by_id == book.people.get(giver or "")
    for actor in (people["bob"], None):
        with pytest.raises(NotYourName):
            history.name_version(actor=actor, room=book.room, seq=1, name="Other")
        with pytest.raises(NotYourName):
            history.unname_version(actor=actor, room=book.room, seq=1)
    assert Version.objects.get().name == "One"
    bob = people["bob"]
    history.name_version(actor=bob, room=book.room, seq=1, name="Other", as_owner=True)
    assert Version.objects.get().named_by == people.get(giver or "")
    history.unname_version(actor=bob, room=book.room, seq=1, as_owner=True)
    assert not Version.objects.exists()


def test_names_end_somewhere(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each keeps a whole state; what has a name already can still have another."""
    monkeypatch.setattr(history, "NAMED_AT_MOST", 2)
    ann = User.objects.get(username="ann")
    book.write(("ann", 0), ("ann", 1), ("ann", 2))
    for seq in (1, 2):
        history.name_version(actor=ann, room=book.room, seq=seq, name="A name")
    with pytest.raises(TooManyNames, match="There are 2 named versions"):
        history.name_version(actor=ann, room=book.room, seq=3, name="One more")
    assert history.name_version(actor=ann, room=book.room, seq=2, name="B").name == "B"
    history.unname_version(actor=ann, room=book.room, seq=1)
    assert history.name_version(actor=ann, room=book.room, seq=3, name="One more").seq == 3


@pytest.mark.parametrize("name", ["", " \0\n ", "x" * 201])
def test_name_must_be_one(book: Book, name: str) -> None:
    """Neither empty nor longer than its column."""
    book.write(("ann", 0))
    with pytest.raises(BadName):
        history.name_version(actor=None, room=book.room, name=name)


def test_fold_leaves_names_and_the_newer_history(book: Book) -> None:
    """Folded rows are one version without an author; what was named among them keeps its state."""
    book.write(("ann", 0), ("bob", 1), ("ann", 2), ("ann", 3), (None, 4), ("bob", 40))
    history.name_version(actor=None, room=book.room, seq=2, name="Two")
    log.fold(book.room.pk, START + timedelta(minutes=3.5), LIMITS)
    book.room.refresh_from_db()
    page = history.timeline(book.room)
    assert book.shown(page.entries) == [
        ("bob", 6, 6, 1), ("-", 5, 5, 1), ("-", 4, 4, 1), ("-", 2, 2, 0),
    ]  # fmt: skip
    assert [entry.folded for entry in page.entries] == [False, False, True, False]
    assert page.entries[3].name == "Two"
    for seq, text in ((2, "ab"), (4, "abcd"), (5, "abcde"), (6, "abcdef")):
        assert text_of(history.state_at(book.room.pk, seq)) == text
    for seq in (1, 3):
        with pytest.raises(NoSuchVersion):
            history.state_at(book.room.pk, seq)
    last = history.timeline(book.room, before=page.entries[2].seq)
    assert (book.shown(last.entries), last.before) == ([("-", 2, 2, 0)], None)


def test_deleted_account_leaves_its_edits(book: Book) -> None:
    """The edits are those of somebody without an account then."""
    book.write(("ann", 0), ("bob", 1))
    User.objects.get(username="ann").delete()
    assert book.versions() == [("bob", 2, 2, 1), ("-", 1, 1, 1)]
