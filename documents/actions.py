"""Writes: check, do, announce. Only actions and rooms change documents."""

from __future__ import annotations

import pycrdt
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from collab import announce, edits, log, sharing
from collab.engine.errors import NoSuchRoom
from collab.models import Grant, Role, Room
from documents import attachments, titles
from documents.duplicate import copy_of
from documents.models import Document, Visit


def create_document(
    *,
    actor: AbstractBaseUser,
    title: str = "",
    content: bytes | None = None,
    kind: str = Document.Kind.RICH,
) -> Document:
    """Create a document that `actor` owns.

    Args:
        actor: Its owner, and the author of its first content.
        title: Its title, one line; cut at the model's bound.
        content: A Yjs update to begin with, which must hold the title too.
        kind: One of `Document.Kind`.
    """
    title = clean_title(title)
    if content is None and title:
        content = _titled(title)
    with transaction.atomic():
        room = log.create(Document.KIND, content, actor.pk)
        sharing.grant(room, actor, Role.OWNER)
        return Document.objects.create(room=room, title=title, kind=kind)


def mirror_title(*, room_id: int, title: str, edited: bool) -> None:
    """Write a room's title to SQL where it differs, and the time of the edit if there was one.

    The room calls this for content it has checked and saved; there is no other actor.
    """
    title = clean_title(title)
    documents = Document.objects.filter(room_id=room_id)
    if edited and documents.filter(title=title).update(updated_at=timezone.now()):
        return
    times = {"updated_at": timezone.now()} if edited else {}
    if documents.exclude(title=title).update(title=title, **times):
        _announce_title(room_id, title)


def rename(*, actor: AbstractBaseUser, document: Document, title: str) -> None:
    """Give a document another title, by an edit of its room that open pages see.

    Raises:
        NoSuchRoom, EpochChanged, UpdateRejected: the room does not take it.
    """
    title = clean_title(title)
    edits.edit(document.room_id, actor.pk, lambda state: titles.changed_to(state, title))
    mirror_title(room_id=document.room_id, title=title, edited=True)


def duplicate(*, actor: AbstractBaseUser, document: Document) -> Document:
    """Make a copy of a document's present content and the images in it, which `actor` owns.

    Raises:
        NoSuchRoom, UpdateRejected: the original cannot be read, or is deleted meanwhile.
    """
    title = clean_title(_("Copy of %s") % document)
    copied = copy_of(edits.state_of(document.room_id), document.kind, title)
    with transaction.atomic():
        # Whoever deletes the original waits, and then finds the copy's rows of the same files.
        if Room.objects.lock(document.room_id) is None:
            raise NoSuchRoom(_("This document was deleted."))
        copy = create_document(actor=actor, title=title, content=copied.state, kind=document.kind)
        Document.objects.filter(pk=copy.pk).update(schema=document.schema)
        attachments.copy(source=document, target=copy, keys=copied.files)
    return copy


@transaction.atomic
def trash(*, actor: AbstractBaseUser, document: Document) -> None:
    """Move a document to the trash, where its owners alone can see it.

    Open sockets of others are closed, and nobody can change it.
    """
    Room.objects.lock(document.room_id)
    if Document.objects.alive().filter(pk=document.pk).update(trashed_at=timezone.now()):
        sharing.changed(document.room_id)


@transaction.atomic
def restore(*, actor: AbstractBaseUser, document: Document) -> None:
    """Take a document out of the trash: everybody has the rights that they had."""
    Room.objects.lock(document.room_id)
    if Document.objects.trashed().filter(pk=document.pk).update(trashed_at=None):
        sharing.changed(document.room_id)


@transaction.atomic
def delete(*, actor: AbstractBaseUser, document: Document) -> bool:
    """Delete a document for ever, with its history and images, if it is in the trash.

    Returns:
        Whether it was.
    """
    Room.objects.lock(document.room_id)
    # Read again, under the lock: somebody may have restored it.
    trashed = Document.objects.trashed().select_for_update(of=("self",))
    found = trashed.filter(pk=document.pk).first()
    if found is not None:
        found.delete()
    return found is not None


def leave(*, actor: AbstractBaseUser, document: Document) -> None:
    """Give up one's own grant in a document. One that a group has stays.

    Raises:
        NotShared: nobody would own it.
    """
    for grant in Grant.objects.filter(room_id=document.room_id, user_id=actor.pk):
        sharing.withdraw(grant)


def _announce_title(room_id: int, title: str) -> None:
    announce.to_everyone({"event": "renamed", "room": room_id, "title": title})


def note_visit(*, actor: AbstractBaseUser, document: Document) -> None:
    """Note that somebody opened a document, for their list of recent ones."""
    Visit.objects.update_or_create(
        user_id=actor.pk, document=document, defaults={"visited_at": timezone.now()}
    )


def note_schema(*, document: Document, schema: int) -> None:
    """Note that a page of a newer editor schema opened a document to edit it.

    Open pages of an older one are asked again for their rights, and get none.
    """
    newer = Document.objects.filter(pk=document.pk, schema__lt=schema).update(schema=schema)
    if newer:
        document.schema = schema
        sharing.changed(document.room_id)


def clean_title(title: str) -> str:
    """Make a title one line of bounded length; NUL, which PostgreSQL refuses, goes."""
    return " ".join(title.replace("\0", "").split())[: Document.TITLE_LENGTH]


def _titled(title: str) -> bytes:
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc["title"] = pycrdt.Text(title)
    return doc.get_update()
