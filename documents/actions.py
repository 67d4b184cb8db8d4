"""Writes to documents: check, do, announce. Only actions and rooms change documents."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from collab import actions, edits, sharing
from collab.actions import delete, leave, note_visit, rename, restore, trash
from collab.engine.errors import NoSuchRoom
from collab.models import Room
from collab.shared import clean_title
from documents import attachments
from documents.duplicate import copy_of
from documents.models import Document

__all__ = [
    "create_document", "delete", "duplicate", "leave", "note_schema", "note_visit", "rename",
    "restore", "trash",
]  # fmt: skip


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
    return actions.create(Document, actor=actor, title=title, content=content, kind=kind)


def duplicate(*, actor: AbstractBaseUser, shared: Document) -> Document:
    """Make a copy of a document's present content and the images in it, which `actor` owns.

    Raises:
        NoSuchRoom, UpdateRejected: the original cannot be read, or is deleted meanwhile.
    """
    title = clean_title(_("Copy of %s") % shared)
    copied = copy_of(edits.state_of(shared.room_id), shared.kind, title)
    with transaction.atomic():
        # Whoever deletes the original waits, and then finds the copy's rows of the same files.
        if Room.objects.lock(shared.room_id) is None:
            raise NoSuchRoom(_("This document was deleted."))
        copy = create_document(actor=actor, title=title, content=copied.state, kind=shared.kind)
        Document.objects.filter(pk=copy.pk).update(schema=shared.schema)
        attachments.copy(source=shared, target=copy, keys=copied.files)
    return copy


def note_schema(*, document: Document, schema: int) -> None:
    """Note that a page of a newer editor schema opened a document to edit it.

    Open pages of an older one are asked again for their rights, and get none.
    """
    newer = Document.objects.filter(pk=document.pk, schema__lt=schema).update(schema=schema)
    if newer:
        document.schema = schema
        sharing.changed(document.room_id)
