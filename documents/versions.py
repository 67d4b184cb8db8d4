"""A document's versions: the timeline with its people, a version's content, and restoring one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy

from collab import actions, edits, history, people
from collab.engine.peer import Person
from collab.engine.replica import Replica
from collab.history import Entry
from collab.shared import clean_title
from documents import content
from documents.content import rewrite
from documents.content.difference import difference
from documents.models import Document

NOBODY = gettext_lazy("Somebody without an account")
# One hue for all who have no account: nothing tells them apart.
_NOBODYS_PALETTE = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """A version as the timeline shows it; `person` is as `people.shown` prepares one."""

    entry: Entry
    person: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Restored:
    """What restoring did: the edit's seq, and that of the version before it; None: nothing."""

    seq: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A version as HTML that is safe to show."""

    title: str
    html: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one version to another, as HTML that is safe to show."""

    title: str
    html: str
    inserted: int
    deleted: int


def with_people(entries: Sequence[Entry]) -> list[Shown]:
    """Find the authors of versions; one query."""
    authors = {entry.author_id for entry in entries} - {None}
    users = get_user_model()._default_manager.in_bulk(authors) if authors else {}
    return [Shown(entry, _shown_author(users.get(entry.author_id))) for entry in entries]


def _shown_author(user: Any) -> dict[str, Any]:
    if user is None:
        person = Person("", str(NOBODY), _NOBODYS_PALETTE)
        return people.shown([(person, 1)])[0] | {"initials": "?"}
    return people.shown([(people.person_of(user), 1)])[0]


def replica_at(document: Document, seq: int | None) -> Replica:
    """Return a copy of a document as it was after a row, or as it is stored now for None.

    Raises:
        NoSuchVersion, UpdateRejected: see `history.state_at`.
    """
    room_id = document.room_id
    state = edits.state_of(room_id) if seq is None else history.state_at(room_id, seq)
    return content.replica_of(state)


def read(document: Document, seq: int | None) -> Reading:
    """Show a version. Raises as `replica_at`."""
    replica = replica_at(document, seq)
    html = content.as_html(replica, document.kind, document.get_absolute_url())
    return Reading(clean_title(content.title_of(replica)), html)


def written(document: Document, seq: int | None, format: str) -> str:
    """Return a version as html, markdown, text or json. Raises as `replica_at`."""
    replica = replica_at(document, seq)
    return content.written(replica, document.kind, format, document.get_absolute_url())


def compare(document: Document, old: int, new: int | None) -> Comparison:
    """Show what changed from one version to another; 0 is the empty document. Raises as `read`."""
    was = replica_at(document, old) if old else content.replica_of(_EMPTY)
    now = replica_at(document, new)
    body = difference(content.tree_of(was, document.kind), content.tree_of(now, document.kind))
    title = difference(_line(content.title_of(was)), _line(content.title_of(now)))
    return Comparison(
        title=content.html_of_tree(title.tree),
        html=content.html_of_tree(body.tree, document.get_absolute_url()),
        inserted=body.inserted + title.inserted,
        deleted=body.deleted + title.deleted,
    )


_EMPTY = b"\x00\x00"


def _line(text: str) -> content.Tree:
    runs = [{"type": "text", "text": text}] if text else []
    return {"type": "doc", "content": [{"type": "paragraph", "content": runs}]}


def restore(*, actor: Any, document: Document, seq: int, since: int | None = None) -> Restored:
    """Make the live document what it was after a row, by an edit of the actor's.

    What others write meanwhile stays, and what came after the version can be restored, too.

    Args:
        actor: A user, or the anonymous one whom a link let in.
        document: Whose `room` is loaded.
        seq: The version.
        since: Take back only what changed from the version to this later row; what came after it
            stays. That undoes a restore.

    Raises:
        NoSuchVersion, NoSuchRoom, EpochChanged, UpdateRejected: nothing was changed.
    """
    wanted = replica_at(document, seq)
    tree, title = content.tree_of(wanted, document.kind), content.title_of(wanted)
    # The edit of an older state is one that a replica makes that has not heard of the rest yet.
    base = None if since is None else history.state_at(document.room_id, since)
    changes: list[bytes] = []

    def change(live: bytes) -> bytes | None:
        update = rewrite.edit(live if base is None else base, tree, document.kind, title)
        changes.extend([update] if update else [])
        return update

    done = edits.edit(document.room_id, actor.pk, change)
    if not changes:
        return Restored(done, None)
    now = content.title_of(replica_at(document, None))
    actions.mirror_title(Document, room_id=document.room_id, title=now, edited=True)
    return Restored(done, done - 1)
