"""A document's content in every form that it is read and written in, without a browser.

A rich document's tree is ProseMirror's JSON (see `tree`); that of a text is {"type": "text",
"text": words}.
"""

from __future__ import annotations

import json

import pycrdt

from collab.engine.replica import Replica, replica_of
from collab.titles import title_of
from documents.content import html, markdown, plain, tree
from documents.content.parse import ContentRejected, parse_html, parse_markdown
from documents.content.schema import BODY, MAX_DEPTH, RICH, TEXT
from documents.content.tree import Tree

__all__ = [
    "BODY", "MAX_DEPTH", "RICH", "TEXT", "ContentRejected", "Tree",
    "as_html", "as_json", "as_markdown", "as_text", "html_of_tree", "parse_html",
    "parse_markdown", "replica_of", "text_of_tree", "title_of", "tree_of", "written",
]  # fmt: skip


def tree_of(replica: Replica, kind: str = RICH) -> Tree:
    """Read the body as it is."""
    if kind == TEXT:
        return {"type": "text", "text": str(replica.doc.get(BODY, type=pycrdt.Text))}
    return tree.read(replica.doc.get(BODY, type=pycrdt.XmlFragment))


def as_text(replica: Replica, kind: str = RICH) -> str:
    """Return the body as plain text: a line per block and per table row, a tab between cells."""
    return text_of_tree(tree_of(replica, kind))


def as_html(replica: Replica, kind: str = RICH, base: str = "") -> str:
    """Return the body as HTML that is safe to show; see `html_of_tree`."""
    return html_of_tree(tree_of(replica, kind), base)


def as_markdown(replica: Replica, kind: str = RICH) -> str:
    """Return the body as CommonMark with GFM's tables, strikethrough and tasks; a text as typed."""
    found = tree_of(replica, kind)
    return str(found["text"]) if kind == TEXT else markdown.render(found)


def as_json(replica: Replica, kind: str = RICH) -> str:
    """Return the body's tree as JSON."""
    return json.dumps(tree_of(replica, kind), ensure_ascii=False)


def written(replica: Replica, kind: str, format: str, base: str = "") -> str:
    """Return the body as html, markdown, json or, for any other format, text."""
    match format:
        case "html":
            return as_html(replica, kind, base)
        case "markdown":
            return as_markdown(replica, kind)
        case "json":
            return as_json(replica, kind)
        case _:
            return as_text(replica, kind)


def html_of_tree(tree: Tree, base: str = "") -> str:
    """Return a tree as HTML that is safe to show.

    Args:
        base: What files' addresses, `files/<key>`, are put behind: `/documents/<id>/`.
    """
    return html.render_text(tree["text"]) if tree["type"] == "text" else html.render(tree, base)


def text_of_tree(source: Tree) -> str:
    """Return a tree as plain text."""
    return str(source["text"]) if source["type"] == "text" else plain.render(source)
