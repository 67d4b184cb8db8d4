"""Titles: the shared text `title` of a room, and its smallest change."""

from __future__ import annotations

from typing import Any, Final

import pycrdt

from collab.engine.replica import Replica, replica_of
from collab.texts import change_text

TITLE: Final = "title"
"""The root of a room's CRDT that holds the title."""


def title_of(replica: Replica) -> str:
    """Return the title as it was typed; see `collab.shared.clean_title`."""
    return str(replica.doc.get(TITLE, type=pycrdt.Text))


def titled(title: str) -> bytes:
    """Return a new state that holds a title and nothing else, as a Yjs V1 update."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc[TITLE] = pycrdt.Text(title)
    return doc.get_update()


def changed_to(state: bytes, title: str) -> bytes | None:
    """Make the edit that changes a room's title, so that what others type in it stays.

    Args:
        state: The room as one Yjs V1 update.
        title: As it is to be.

    Returns:
        A Yjs V1 update, or None if that is the title already.
    """
    doc = replica_of(state).doc
    text: Any = doc.get(TITLE, type=pycrdt.Text)
    if str(text) == title:
        return None
    known = doc.get_state()
    with doc.transaction():
        change_text(text, title)
    update: bytes = doc.get_update(known)
    return update
