"""A tree as HTML that is safe to show: what is not on the list is not there."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

import nh3
from django.utils.translation import gettext

from documents.content.attributes import filled
from documents.content.schema import MAX_DEPTH
from documents.content.tree import Tree, walk

# Nodes and marks with the tags around their content; a heading's and a list item's follow below.
NODE_TAGS: Final = {
    "paragraph": ("p",),
    "heading": ("h",),
    "blockquote": ("blockquote",),
    "codeBlock": ("pre", "code"),
    "bulletList": ("ul",),
    "orderedList": ("ol",),
    "listItem": ("li",),
    "taskList": ("ul",),
    "taskItem": ("li",),
    "table": ("table", "tbody"),
    "tableRow": ("tr",),
    "tableCell": ("td",),
    "tableHeader": ("th",),
    "hardBreak": ("br",),
    "horizontalRule": ("hr",),
    "image": ("img",),
}
MARK_TAGS: Final = {
    "link": "a",
    "bold": "strong",
    "italic": "em",
    "strike": "s",
    "underline": "u",
    "code": "code",
}
# How `difference` marks what is not in both trees; no document holds these marks.
CHANGE_TAGS: Final = {"inserted": "ins", "deleted": "del"}
_EMPTY = {"hardBreak", "horizontalRule", "image"}

_TAGS = {
    *(tag for tags in NODE_TAGS.values() for tag in tags), *MARK_TAGS.values(),
    *CHANGE_TAGS.values(), "h1", "h2", "h3", "input",
} - {"h"}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "img": {"src", "alt", "title", "width", "height"},
    "input": {"type", "aria-label", "checked", "disabled"},
    "li": {"data-checked"},
    "ol": {"start", "type"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ul": {"data-type"},
}
_SCHEMES = {"http", "https", "mailto"}
# Attributes that HTML has under the same name, by node or mark; with the value that goes unsaid.
_SAME: Final[Mapping[str, Mapping[str, Any]]] = {
    "orderedList": {"start": 1, "type": None},
    "tableCell": {"colspan": 1, "rowspan": 1, "align": None},
    "tableHeader": {"colspan": 1, "rowspan": 1, "align": None},
    "image": {"title": None, "width": None, "height": None},
    "link": {"href": None, "title": None},
}


def render(tree: Tree, base: str = "") -> str:
    """Write a tree as HTML.

    Args:
        base: What files' addresses, `files/<key>`, are put behind; ends with a slash.
    """
    parts: list[str] = []
    depth = 0
    for event, node in walk(tree):
        if event == "text":
            parts.append(_text(node))
            continue
        depth += 1 if event == "open" else -1
        if depth + (event == "close") <= MAX_DEPTH:
            parts.append(_open(node, base) if event == "open" else _close(node))
    return nh3.clean(
        "".join(parts),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def render_text(text: str) -> str:
    """Write a plain text as HTML."""
    return f"<pre><code>{escape(text)}</code></pre>"


def _open(node: Tree, base: str) -> str:
    change = CHANGE_TAGS.get(node.get("change", ""))
    tag = _tag(node, base)
    return f"<{change}>{tag}</{change}>" if change else tag


def _tag(node: Tree, base: str) -> str:
    name = node["type"]
    if name not in NODE_TAGS:
        return ""
    attrs = filled(name, node.get("attrs") or {})
    if name == "image":
        if not attrs["src"]:
            return ""
        # Without `alt` a screen reader would spell the address.
        source, alt = escape(base + attrs["src"]), escape(attrs["alt"] or "")
        return f'<img src="{source}" alt="{alt}"{_same(name, attrs)}>'
    if name == "heading":
        return f"<h{attrs['level']}>"
    if name == "codeBlock":
        language = escape(attrs["language"] or "")
        return f'<pre><code class="language-{language}">' if language else "<pre><code>"
    if name == "taskList":
        return '<ul data-type="taskList">'
    if name == "taskItem":
        checked = attrs["checked"]
        label = escape(gettext("Done") if checked else gettext("Not done"))
        return (
            f'<li data-checked="{str(checked).lower()}">'
            f'<input type="checkbox" aria-label="{label}" disabled{" checked" if checked else ""}>'
        )
    first, *others = NODE_TAGS[name]
    return f"<{first}{_same(name, attrs)}>" + "".join(f"<{tag}>" for tag in others)


def _close(node: Tree) -> str:
    name = node["type"]
    if name in _EMPTY or name not in NODE_TAGS:
        return ""
    if name == "heading":
        return f"</h{filled(name, node.get('attrs') or {})['level']}>"
    # Readers of HTML take one line's end before `</pre>` for the source's.
    content = node.get("content") if name == "codeBlock" else None
    extra = "\n" if content and content[-1].get("text", "").endswith("\n") else ""
    return extra + "".join(f"</{tag}>" for tag in reversed(NODE_TAGS[name]))


def _text(node: Tree) -> str:
    html = escape(node["text"])
    for mark in reversed(node.get("marks", [])):
        name = mark["type"]
        if name in CHANGE_TAGS:
            html = f"<{CHANGE_TAGS[name]}>{html}</{CHANGE_TAGS[name]}>"
        elif name in MARK_TAGS:
            attrs = filled(name, mark.get("attrs") or {})
            html = f"<{MARK_TAGS[name]}{_same(name, attrs)}>{html}</{MARK_TAGS[name]}>"
    return html


def _same(name: str, attrs: Mapping[str, Any]) -> str:
    pairs = ((key, attrs.get(key), unsaid) for key, unsaid in _SAME.get(name, {}).items())
    return "".join(
        f' {key}="{escape(str(value))}"'
        for key, value, unsaid in pairs
        if value not in (None, unsaid)
    )
