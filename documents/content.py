"""A document's content as HTML and as text, from its replica's state and without a browser.

The body is what y-prosemirror stores of a Tiptap document: an `XmlFragment` of elements named after
ProseMirror's nodes, with `XmlText` whose formats are its marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import nh3
import pycrdt

from collab.engine.firewall import Limits
from collab.engine.replica import Replica

TITLE = "title"
BODY = "body"

# Deeper elements are shown as their text: a document that deep is an accident or an attack, and
# reading it must cost no stack.
MAX_DEPTH = 60
# HTML's own bound of colspan: a browser makes room for as many columns as it is told.
_MAX_SPAN = 1000

_BLOCKS = {
    "paragraph": "p",
    "blockquote": "blockquote",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "taskList": "ul",
    "taskItem": "li",
    "tableRow": "tr",
    "tableCell": "td",
    "tableHeader": "th",
}
_LINES = {"paragraph", "heading", "codeBlock"}
_MARKS = {"bold": "strong", "italic": "em", "strike": "s", "code": "code"}

_TAGS = {
    *_BLOCKS.values(), *_MARKS.values(),
    "a", "br", "h1", "h2", "h3", "hr", "input", "pre", "table", "tbody",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href"},
    "code": {"class"},
    "input": {"type", "checked", "disabled"},
    "li": {"data-checked"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ul": {"data-type"},
}
_SCHEMES = {"http", "https", "mailto"}

_Node = pycrdt.XmlElement | pycrdt.XmlText | pycrdt.XmlFragment


def replica_of(state: bytes) -> Replica:
    """Make a copy to read from, to be used by this thread only."""
    replica = Replica(Limits())
    replica.load([state])
    return replica


def title_of(replica: Replica) -> str:
    """Return the title as it was typed; see `actions.clean_title`."""
    return str(replica.doc.get(TITLE, type=pycrdt.Text))


def as_text(replica: Replica) -> str:
    """Return the body as plain text: a line per block and per table row, a tab between cells."""
    lines = _Lines()
    for kind, node in _walk(replica.doc.get(BODY, type=pycrdt.XmlFragment)):
        if kind == "text":
            lines.add("".join(text for text, _ in node.diff() if isinstance(text, str)))
        elif node.tag in ("tableCell", "tableHeader"):
            lines.enter_cell() if kind == "open" else lines.leave_cell()
        elif node.tag == "hardBreak" and kind == "open":
            lines.end()
        elif node.tag == "tableRow" and kind == "close":
            lines.end_row()
        elif node.tag in _LINES and kind == "close":
            lines.end()
    return lines.text()


class _Lines:
    """Text in lines. In a table's cell, which must stay in its row, a line ends with a space."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[str] = []
        self._cells: list[list[str]] = []

    def add(self, text: str) -> None:
        if self._cells:
            self._cells[-1].append(text)
        else:
            self._line.append(text)

    def end(self) -> None:
        if self._cells:
            self._cells[-1].append(" ")
        else:
            self._done.append("".join(self._line))
            self._line = []

    def enter_cell(self) -> None:
        self._cells.append([])

    def leave_cell(self) -> None:
        text = " ".join("".join(self._cells.pop()).split())
        if self._cells:  # A table in a cell of another.
            self._cells[-1] += (text, " ")
        else:
            self._line.append(f"{text}\t")

    def end_row(self) -> None:
        if self._line and not self._cells:
            self._line[-1] = self._line[-1].removesuffix("\t")
        self.end()

    def text(self) -> str:
        return "\n".join([*self._done, "".join(self._line)]).strip("\n")


def as_html(replica: Replica) -> str:
    """Return the body as HTML that is safe to show: what is not on the list is not there."""
    parts = []
    for kind, node in _walk(replica.doc.get(BODY, type=pycrdt.XmlFragment)):
        if kind == "text":
            parts += [_marked(text, marks or {}) for text, marks in node.diff()]
        else:
            parts.append(_tag(node, closing=kind == "close"))
    return nh3.clean(
        "".join(parts),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def _walk(root: pycrdt.XmlFragment) -> Iterator[tuple[str, Any]]:
    """Go through a tree in reading order without recursion: ("open" | "close" | "text", node)."""
    stack: list[tuple[_Node | None, Iterator[_Node]]] = [(None, iter(root.children))]
    while stack:
        parent, children = stack[-1]
        node = next(children, None)
        if node is None:
            stack.pop()
            if parent is not None and len(stack) <= MAX_DEPTH:
                yield "close", parent
        elif isinstance(node, pycrdt.XmlText):
            yield "text", node
        else:
            if len(stack) <= MAX_DEPTH and isinstance(node, pycrdt.XmlElement):
                yield "open", node
            stack.append((node, iter(node.children)))


def _tag(node: pycrdt.XmlElement, *, closing: bool) -> str:
    attributes: dict[str, Any] = dict(node.attributes)  # type: ignore[call-overload]
    name = node.tag or ""
    if name == "heading":
        level = min(max(_number(attributes, "level", 1), 1), 3)
        return f"</h{level}>" if closing else f"<h{level}>"
    if name == "codeBlock":
        language = escape(str(attributes.get("language") or ""))
        opening = f'<pre><code class="language-{language}">' if language else "<pre><code>"
        return "</code></pre>" if closing else opening
    if name == "table":
        return "</tbody></table>" if closing else "<table><tbody>"
    if name in ("hardBreak", "horizontalRule"):
        return "" if closing else {"hardBreak": "<br>", "horizontalRule": "<hr>"}[name]
    tag = _BLOCKS.get(name)
    if tag is None:
        return ""
    return (
        f"</{tag}>"
        if closing
        else f"<{tag}{_attributes(name, attributes)}>{_box(name, attributes)}"
    )


def _attributes(name: str, attributes: Mapping[str, Any]) -> str:
    if name == "orderedList" and (start := _number(attributes, "start", 1)) != 1:
        return f' start="{start}"'
    if name in ("tableCell", "tableHeader"):
        keys = ("colspan", "rowspan")
        spans = ((key, min(_number(attributes, key, 1), _MAX_SPAN)) for key in keys)
        return "".join(f' {key}="{span}"' for key, span in spans if span > 1)
    if name == "taskList":
        return ' data-type="taskList"'
    if name == "taskItem":
        return f' data-checked="{str(_checked(attributes)).lower()}"'
    return ""


def _box(name: str, attributes: Mapping[str, Any]) -> str:
    if name != "taskItem":
        return ""
    checked = " checked" if _checked(attributes) else ""
    return f'<input type="checkbox" disabled{checked}>'


def _marked(text: object, marks: Mapping[str, Any]) -> str:
    if not isinstance(text, str):
        return ""
    html = escape(text)
    for key, value in sorted(marks.items(), reverse=True):
        # y-prosemirror adds a hash to the names of marks that may overlap themselves.
        name = key.split("--", 1)[0]
        if name in _MARKS:
            html = f"<{_MARKS[name]}>{html}</{_MARKS[name]}>"
        elif name == "link" and isinstance(value, Mapping):
            html = f'<a href="{escape(str(value.get("href") or ""))}">{html}</a>'
    return html


def _checked(attributes: Mapping[str, Any]) -> bool:
    return attributes.get("checked") in (True, "true")


def _number(attributes: Mapping[str, Any], key: str, default: int) -> int:
    try:
        return int(attributes.get(key) or default)
    except (TypeError, ValueError, OverflowError):
        return default
