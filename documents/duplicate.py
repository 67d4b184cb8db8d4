"""The content of a document's copy: what can be read in the original, and nothing of its past."""

from __future__ import annotations

from typing import Any

import pycrdt

from documents import content
from documents.models import Document


def copy_of(state: bytes, kind: str, title: str) -> bytes:
    """Write a document's present content into a new CRDT, with another title.

    Deleted text, who wrote what, and whatever is in no part that a page shows stay behind.

    Args:
        state: The original as one Yjs V1 update.
        kind: Its `Document.kind`.
        title: The copy's title.

    Returns:
        The copy as one Yjs V1 update.

    Raises:
        UpdateRejected: the original cannot be read.
    """
    source = content.replica_of(state).doc
    copy: pycrdt.Doc[Any] = pycrdt.Doc()
    with copy.transaction():
        copy[content.TITLE] = pycrdt.Text(title)
        if kind == Document.Kind.TEXT:
            copy[content.BODY] = pycrdt.Text(str(source.get(content.BODY, type=pycrdt.Text)))
        else:
            body = copy.get(content.BODY, type=pycrdt.XmlFragment)
            _copy_children(source.get(content.BODY, type=pycrdt.XmlFragment), body)
    return copy.get_update()


def _copy_children(source: pycrdt.XmlFragment, target: pycrdt.XmlFragment) -> None:
    """Copy a tree without recursion: stored documents may nest deeper than Python's stack."""
    left: list[tuple[Any, Any]] = [(source, target)]
    while left:
        one, other = left.pop()
        for child in one.children:
            if isinstance(child, pycrdt.XmlText):
                _copy_text(child, other.children.append(pycrdt.XmlText()))
            else:
                attributes: Any = dict(child.attributes)
                copied = other.children.append(pycrdt.XmlElement(child.tag, attributes))
                left.append((child, copied))


def _copy_text(source: pycrdt.XmlText, target: pycrdt.XmlText) -> None:
    at = 0
    for piece, marks in source.diff():
        if isinstance(piece, str):
            target.insert(at, piece, marks or {})
            at += len(piece.encode())
        else:
            target.insert_embed(at, piece, marks or {})
            at += 1
