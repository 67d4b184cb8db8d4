"""HTML and Markdown as trees of the editor's schema.

lxml reads HTML in linear time and refuses what nests too deeply; sanitisers on html5ever take time
in the square of the depth. Nothing but what the schema names gets through, whatever the source.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from mdit_py_plugins.tasklists import tasklists_plugin

from documents.content.fit import fit
from documents.content.schema import MAX_DEPTH
from documents.content.tree import Tree, run

NODES: Final = {
    "p": "paragraph",
    **{f"h{level}": "heading" for level in range(1, 7)},
    "blockquote": "blockquote",
    "pre": "codeBlock",
    "ul": "bulletList",
    "ol": "orderedList",
    "li": "listItem",
    "table": "table",
    "tr": "tableRow",
    "td": "tableCell",
    "th": "tableHeader",
    "br": "hardBreak",
    "hr": "horizontalRule",
    "img": "image",
}
MARKS: Final = {
    "strong": "bold", "b": "bold", "em": "italic", "i": "italic", "s": "strike", "del": "strike",
    "strike": "strike", "u": "underline", "ins": "underline", "code": "code", "kbd": "code",
    "samp": "code", "tt": "code", "a": "link",
}  # fmt: skip
# What a page does not show, or shows as something else than text.
_DROPPED: Final = {
    "script", "style", "head", "title", "template", "textarea", "select", "noscript", "svg",
    "math", "object", "iframe", "video", "audio", "canvas", "button",
}  # fmt: skip
_INLINE: Final = {
    "span", "font", "small", "big", "sub", "sup", "mark", "abbr", "cite", "q", "time", "var", "dfn",
    "label", "bdi", "bdo", "input", "wbr", "acronym", "data",
}  # fmt: skip
# Blocks that a tree has nothing for, not even an end.
_PLAIN: Final = {"html", "body", "tbody", "thead", "tfoot", "colgroup", "col"}
_SPACE = re.compile(r"[ \t\n\r\f]+")
_ALIGN = re.compile(r"text-align:\s*(left|center|right)")


class ContentRejected(ValueError):
    """A source that cannot be read: it nests too deeply."""


def parse_html(source: str, base: str = "") -> Tree:
    """Read HTML, a page or a part of one, as a document; white space folds as in a browser.

    Args:
        base: What files' addresses, `files/<key>`, are behind in the source.

    Raises:
        ContentRejected: it nests deeper than 256 elements.
    """
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=False
    )
    # With a body around it, words at the start are not taken for a head's.
    data = f"<html><body>{source}</body></html>".encode("utf-8", "replace")
    root = etree.fromstring(data, parser)
    if any(
        entry.type_name == "ERR_RESOURCE_LIMIT" or "depth" in entry.message
        for entry in parser.error_log
    ):
        raise ContentRejected("The document nests too deeply.")
    builder = _Builder(base)
    if root is not None:
        builder.read(root)
    return fit(builder.doc)


class _Markdown(MarkdownIt):
    """CommonMark with GFM's tables, strikethrough and tasks. Addresses stay as they are written."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": True, "maxNesting": 100})
        self.core.ruler.before("inline", "shallow", self._be_shallow)
        self.enable(["table", "strikethrough"])
        self.use(tasklists_plugin)

    def _be_shallow(self, state: StateCore) -> None:
        """Bound what brackets may nest: each level reads the rest of the paragraph again."""
        self.options["maxNesting"] = 20

    def normalizeLink(self, url: str) -> str:
        return url

    def validateLink(self, url: str) -> bool:
        return True  # The schema's attributes tell which are allowed.


def parse_markdown(source: str) -> Tree:
    """Read Markdown as a document.

    Raises:
        ContentRejected: it nests too deeply.
    """
    return parse_html(_Markdown().render(source.encode("utf-8", "replace").decode()))


class _Builder:
    """Makes a tree, not yet a valid one, of an element tree without recursion.

    Args:
        base: What files' addresses are behind in the source.
    """

    def __init__(self, base: str) -> None:
        self.doc: Tree = {"type": "doc", "content": []}
        self._base = base
        self._open: list[Tree] = [self.doc]
        self._frames: list[str] = []
        self._marks: list[Tree] = []
        self._pre = 0
        self._dropped = 0
        # The text that goes on here; None at the start of a block or a line.
        self._last: Tree | None = None

    def read(self, root: Any) -> None:
        for event, element in etree.iterwalk(root, events=("start", "end")):
            if event == "start":
                self._frames.append(self._start(element))
                text = element.text or ""
                self._text(text.removeprefix("\n") if element.tag == "pre" else text)
            else:
                self._end(self._frames.pop(), element.tag)
                self._text(element.tail or "")

    def _start(self, element: Any) -> str:
        """Begin an element. Returns what `_end` has to end."""
        tag = element.tag
        self._dropped += tag in _DROPPED
        if self._dropped:
            return "dropped"
        if tag == "input":
            self._check(element)
        if tag in MARKS and self._pre:
            if self._open[-1]["type"] == "codeBlock" and (language := _language(element)):
                self._open[-1]["attrs"]["language"] = language
        elif tag in MARKS:
            self._marks.append(_mark(MARKS[tag], element))
            return "mark"
        elif tag not in _INLINE:
            return self._start_block(element)
        return "nothing"

    def _start_block(self, element: Any) -> str:
        self._boundary()
        self._pre += element.tag == "pre"
        if element.tag in _PLAIN or len(self._open) > MAX_DEPTH:
            return "block"
        node = _node(element, self._base)
        self._open[-1].setdefault("content", []).append(node)
        self._open.append(node)
        return "node"

    def _end(self, what: str, tag: str) -> None:
        self._dropped -= tag in _DROPPED
        if what == "mark":
            self._marks.pop()
        elif what in ("node", "block"):
            if tag == "pre" and self._last:
                # Sources end the last line of code.
                self._last["text"] = self._last["text"].removesuffix("\n")
            self._boundary()
            self._pre -= tag == "pre"
            if what == "node":
                self._open.pop()

    def _text(self, text: str) -> None:
        if self._dropped:
            return
        if not self._pre:
            text = _SPACE.sub(" ", text)
            if self._last is None or self._last["text"].endswith(" "):
                text = text.removeprefix(" ")
        if text:
            self._last = run(text, self._marks)
            self._open[-1].setdefault("content", []).append(self._last)

    def _boundary(self) -> None:
        """End a line: white space does not count there."""
        if self._last and not self._pre:
            self._last["text"] = self._last["text"].removesuffix(" ")
        self._last = None

    def _check(self, element: Any) -> None:
        """Make the list item that begins with a check box a task."""
        items = (node for node in reversed(self._open) if node["type"] in ("listItem", "taskItem"))
        item = next(items, None)
        if item and self._last is None and element.get("type") == "checkbox":
            item["type"] = "taskItem"
            item["attrs"] = {"checked": element.get("checked") is not None}


def _node(element: Any, base: str) -> Tree:
    tag = element.tag
    node: Tree = {"type": NODES.get(tag, "")}
    if tag == "ul" and element.get("data-type") == "taskList":
        node["type"] = "taskList"
    elif tag == "li" and element.get("data-checked") is not None:
        node |= {"type": "taskItem", "attrs": {"checked": element.get("data-checked") == "true"}}
    elif node["type"] == "heading":
        node["attrs"] = {"level": int(tag[1])}
    elif tag == "pre":
        node["attrs"] = {"language": _language(element)}
    elif tag == "ol":
        node["attrs"] = {"start": element.get("start", 1)}
        if "type" in element.attrib:  # Markdown does not have it: what there is stays.
            node["attrs"]["type"] = element.get("type")
    elif tag in ("td", "th"):
        style = _ALIGN.search(element.get("style", ""))
        node["attrs"] = {
            "colspan": element.get("colspan", 1),
            "rowspan": element.get("rowspan", 1),
            "align": style[1] if style else element.get("align"),
        }
    elif tag == "img":
        node["attrs"] = {key: element.get(key) or None for key in ("alt", "title")}
        node["attrs"] |= {
            key: element.get(key) for key in ("width", "height") if key in element.attrib
        }
        node["attrs"]["src"] = element.get("src", "").removeprefix(base)
    return node


def _mark(name: str, element: Any) -> Tree:
    if name != "link":
        return {"type": name}
    return {"type": name, "attrs": {"href": element.get("href"), "title": element.get("title")}}


def _language(element: Any) -> str | None:
    names = (name for name in element.get("class", "").split() if name.startswith("language-"))
    return next(names, "language-").removeprefix("language-") or None
