"""Writes: check, do, announce. Only actions and rooms change documents."""

from __future__ import annotations

import pycrdt
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from collab import log, sharing
from collab.models import Role
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
    if edited:
        documents.update(title=title, updated_at=timezone.now())
    else:
        documents.exclude(title=title).update(title=title)


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
