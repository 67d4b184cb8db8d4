"""A document's versions: what one says, what is different in another, and restoring one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collab import titles, versions
from collab.engine.replica import EMPTY_UPDATE, replica_of
from collab.shared import clean_title
from collab.versions import Restored, replica_at
from documents import content
from documents.content import rewrite
from documents.content.difference import difference
from documents.models import Document

FORMATS: tuple[str, ...] = ("text", "markdown", "html", "json")


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


def read(shared: Document, seq: int | None) -> Reading:
    """Show a version. Raises as `replica_at`."""
    replica = replica_at(shared, seq)
    html = content.as_html(replica, shared.kind, shared.get_absolute_url())
    return Reading(clean_title(titles.title_of(replica)), html)


def written(shared: Document, seq: int | None, format: str) -> str:
    """Return a version as html, markdown, text or json. Raises as `replica_at`."""
    replica = replica_at(shared, seq)
    return content.written(replica, shared.kind, format, shared.get_absolute_url())


def compare(shared: Document, old: int, new: int | None) -> Comparison:
    """Show what changed from one version to another; 0 is the empty document. Raises as `read`."""
    was = replica_at(shared, old) if old else replica_of(EMPTY_UPDATE)
    now = replica_at(shared, new)
    body = difference(content.tree_of(was, shared.kind), content.tree_of(now, shared.kind))
    title = difference(_line(titles.title_of(was)), _line(titles.title_of(now)))
    return Comparison(
        title=content.html_of_tree(title.tree),
        html=content.html_of_tree(body.tree, shared.get_absolute_url()),
        inserted=body.inserted + title.inserted,
        deleted=body.deleted + title.deleted,
    )


def _line(text: str) -> content.Tree:
    runs = [{"type": "text", "text": text}] if text else []
    return {"type": "doc", "content": [{"type": "paragraph", "content": runs}]}


def restore(*, actor: Any, shared: Document, seq: int, since: int | None = None) -> Restored:
    """Make the live document what it was after a row; see `collab.versions.restore`."""

    def edit(wanted: bytes, present: bytes) -> bytes | None:
        replica = replica_of(wanted)
        tree = content.tree_of(replica, shared.kind)
        return rewrite.edit(present, tree, shared.kind, titles.title_of(replica))

    return versions.restore(edit, actor=actor, shared=shared, seq=seq, since=since)
