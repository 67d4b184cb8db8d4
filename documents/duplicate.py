"""The content of a document's copy: what can be read in the original, and nothing of its past."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pycrdt

from collab import titles
from documents import content
from documents.models import Document

_FILE = re.compile(r"files/([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy as one Yjs V1 update, and the keys of the files that it names."""

    state: bytes
    files: frozenset[str]


def copy_of(state: bytes, kind: str, title: str) -> Copied:
    """Write a document's present content into a new CRDT, with another title.

    Deleted text, who wrote what, and whatever is in no part that a page shows stay behind.

    Args:
        state: The original as one Yjs V1 update.
        kind: Its `Document.kind`.
        title: The copy's title.

    Raises:
        UpdateRejected: the original cannot be read.
    """
    source = content.replica_of(state).doc
    copy: pycrdt.Doc[Any] = pycrdt.Doc()
    files: set[str] = set()
    with copy.transaction():
        copy[titles.TITLE] = pycrdt.Text(title)
        if kind == Document.Kind.TEXT:
            text = str(source.get(content.BODY, type=pycrdt.Text))
            copy[content.BODY] = pycrdt.Text(text)
            files.update(_FILE.findall(text))
        else:
            body = copy.get(content.BODY, type=pycrdt.XmlFragment)
            _copy_children(source.get(content.BODY, type=pycrdt.XmlFragment), body, files)
    return Copied(copy.get_update(), frozenset(files))


def _copy_children(source: pycrdt.XmlFragment, target: pycrdt.XmlFragment, files: set[str]) -> None:
    """Copy a tree without recursion: stored documents may nest deeper than Python's stack.

    What it names is added to `files`.
    """
    left: list[tuple[Any, Any]] = [(source, target)]
    while left:
        one, other = left.pop()
        # The last one first: to find a place takes time in its distance from the start.
        for child in reversed(list(one.children)):
            if isinstance(child, pycrdt.XmlText):
                _copy_text(child, other.children.insert(0, pycrdt.XmlText()))
            else:
                attributes: Any = dict(child.attributes)
                files.update(_FILE.findall(str(attributes.get("src", ""))))
                copied = other.children.insert(0, pycrdt.XmlElement(child.tag, attributes))
                left.append((child, copied))


def _copy_text(source: pycrdt.XmlText, target: pycrdt.XmlText) -> None:
    for piece, marks in reversed(source.diff()):
        if isinstance(piece, str):
            target.insert(0, piece, marks or {})
        else:
            target.insert_embed(0, piece, marks or {})
