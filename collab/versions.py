"""Versions of shared objects: the timeline with its people, and restoring a state by an edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, cast

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext_lazy

from collab import actions, edits, history, people, titles
from collab.engine.peer import Person
from collab.engine.replica import Replica, replica_of
from collab.history import Entry
from collab.shared import SharedObject

NOBODY = gettext_lazy("Somebody without an account")
# One hue for all who have no account: nothing tells them apart.
_NOBODYS_PALETTE = 4

Rewrite = Callable[[bytes, bytes], bytes | None]
"""From a wanted state and a present one to the edit that makes this one that; None: nothing."""


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


class Versions(Protocol):
    """What a model does with its versions: a module of these functions.

    `FORMATS` are those that `written` knows, the usual one first. All raise what
    `history.state_at` raises. A seq of None is the state as it is now, and `old` of 0 that before
    the first edit.
    """

    FORMATS: tuple[str, ...]

    def written(self, shared: Any, seq: int | None, format: str) -> str:
        """Return a version as text in one of the formats."""

    def read(self, shared: Any, seq: int | None) -> Any:
        """Return what a version's page shows, for `<pages>/_version_content.html`: `reading`."""

    def compare(self, shared: Any, old: int, new: int | None) -> Any:
        """Return what changed between two versions, for the same template: `comparison`."""

    def restore(self, *, actor: Any, shared: Any, seq: int, since: int | None = None) -> Restored:
        """Make the live object what it was; see `restore` of this module."""


def of(model: type[SharedObject]) -> Versions:
    """Return what a model does with its versions."""
    kept: Any = import_module(model.VERSIONS)
    return cast("Versions", kept)


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


def replica_at(shared: SharedObject, seq: int | None) -> Replica:
    """Return a copy of an object as it was after a row, or as it is stored now for None.

    Raises:
        NoSuchVersion, UpdateRejected: see `history.state_at`.
    """
    room_id = shared.room_id
    return replica_of(edits.state_of(room_id) if seq is None else history.state_at(room_id, seq))


def restore(
    rewrite: Rewrite, *, actor: Any, shared: SharedObject, seq: int, since: int | None = None
) -> Restored:
    """Make a live object what it was after a row, by an edit of the actor's.

    What others write meanwhile stays, and what came after the version can be restored, too.

    Args:
        rewrite: Makes the edit.
        actor: A user, or the anonymous one whom a link let in.
        shared: Whose `room` is loaded.
        seq: The version.
        since: Take back only what changed from the version to this later row; what came after it
            stays. That undoes a restore.

    Raises:
        NoSuchVersion, NoSuchRoom, EpochChanged, UpdateRejected: nothing was changed.
    """
    room_id = shared.room_id
    wanted = history.state_at(room_id, seq)
    # The edit of an older state is one that a replica makes that has not heard of the rest yet.
    base = None if since is None else history.state_at(room_id, since)
    changes: list[bytes] = []

    def change(live: bytes) -> bytes | None:
        update = rewrite(wanted, live if base is None else base)
        changes.extend([update] if update else [])
        return update

    done = edits.edit(room_id, actor.pk, change)
    if not changes:
        return Restored(done, None)
    now = titles.title_of(replica_at(shared, None))
    actions.mirror_title(type(shared), room_id=room_id, title=now, edited_at=timezone.now())
    return Restored(done, done - 1)
