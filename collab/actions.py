"""Writes to any shared object: check, do, announce. Only actions and rooms change them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from collab import announce, edits, log, sharing, titles
from collab.models import Grant, Role, Room
from collab.shared import SharedObject, clean_title

T = TypeVar("T", bound=SharedObject)


def create(
    model: type[T],
    *,
    actor: AbstractBaseUser,
    title: str = "",
    content: bytes | None = None,
    **fields: Any,
) -> T:
    """Create an object that `actor` owns.

    Args:
        model: What to create.
        actor: Its owner, and the author of its first content.
        title: Its title, one line; cut at the model's bound.
        content: A Yjs update to begin with, which must hold the title too.
        fields: Fields of the model's own.
    """
    title = clean_title(title)
    if content is None and title:
        content = titles.titled(title)
    with transaction.atomic():
        room = log.create(model.KIND, content, actor.pk)
        sharing.grant(room, actor, Role.OWNER)
        made: T = model.objects.create(room=room, title=title, **fields)
        return made


def mirror_title(
    model: type[SharedObject], *, room_id: int, title: str, edited_at: datetime | None
) -> None:
    """Write a room's title to SQL where it differs, and the time of the edit if there was one.

    The room calls this for content it has checked and saved; there is no other actor.
    """
    title = clean_title(title)
    objects = model.objects.filter(room_id=room_id)
    if edited_at:
        # Another process may have written a later time.
        older = objects.filter(title=title, updated_at__lt=edited_at)
        if older.update(updated_at=edited_at):
            return
    times = {"updated_at": edited_at} if edited_at else {}
    if objects.exclude(title=title).update(title=title, **times):
        announce.to_everyone({"event": "renamed", "room": room_id, "title": title})


def rename(*, actor: AbstractBaseUser, shared: SharedObject, title: str) -> None:
    """Give an object another title, by an edit of its room that open pages see.

    Raises:
        NoSuchRoom, EpochChanged, UpdateRejected: the room does not take it.
    """
    title = clean_title(title)
    room_id = shared.room_id
    edits.edit(room_id, actor.pk, lambda state: titles.changed_to(state, title))
    mirror_title(type(shared), room_id=room_id, title=title, edited_at=timezone.now())


@transaction.atomic
def trash(*, actor: AbstractBaseUser, shared: SharedObject) -> None:
    """Move an object to the trash, where its owners alone can see it.

    Open sockets of others are closed, and nobody can change it.
    """
    room_id = shared.room_id
    Room.objects.lock(room_id)
    alive = type(shared).objects.alive()
    if alive.filter(pk=shared.pk).update(trashed_at=timezone.now()):
        sharing.changed(room_id)


@transaction.atomic
def restore(*, actor: AbstractBaseUser, shared: SharedObject) -> None:
    """Take an object out of the trash: everybody has the rights that they had."""
    room_id = shared.room_id
    Room.objects.lock(room_id)
    trashed = type(shared).objects.trashed()
    if trashed.filter(pk=shared.pk).update(trashed_at=None):
        sharing.changed(room_id)


@transaction.atomic
def delete(*, actor: AbstractBaseUser, shared: SharedObject) -> bool:
    """Delete an object for ever, with its history and what belongs to it, if it is in the trash.

    Returns:
        Whether it was.
    """
    Room.objects.lock(shared.room_id)
    # Read again, under the lock: somebody may have restored it.
    trashed = type(shared).objects.trashed().select_for_update(of=("self",))
    found = trashed.filter(pk=shared.pk).first()
    if found is not None:
        found.delete()
    return found is not None


def leave(*, actor: AbstractBaseUser, shared: SharedObject) -> None:
    """Give up one's own grant in an object. One that a group has stays.

    Raises:
        NotShared: nobody would own it.
    """
    for grant in Grant.objects.filter(room_id=shared.room_id, user_id=actor.pk):
        sharing.withdraw(grant)


def note_visit(*, actor: AbstractBaseUser, shared: SharedObject) -> None:
    """Note that somebody opened an object, for their list of recent ones."""
    shared.visits.update_or_create(user_id=actor.pk, defaults={"visited_at": timezone.now()})
