"""A tree as Markdown: CommonMark with GFM's tables, strikethrough and tasks.

What Markdown has no sign for is written as HTML, which CommonMark allows: underline, emphasis
within a word, tables with more than a line in a cell. So a document reads back as it was, but for
empty paragraphs and white space that HTML folds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

from documents.content import html
from documents.content.attributes import filled
from documents.content.tree import Tree

_SIGNS: Final = {"bold": "**", "italic": "*", "strike": "~~"}
_TAGS: Final = {"bold": "strong", "italic": "em", "strike": "s", "underline": "u"}
MARKS: Final = ("link", "bold", "italic", "strike", "underline", "code")
_SPECIAL = re.compile(r"[\\`*<\[\]~|]|&(?=[#\w])|!$|(?<!\w)_|_(?!\w)")
_LINE_START = re.compile(r"^(?:(\d{1,9})([.)])|([#>+\-=:]))")
_ODD_SPACE = re.compile(r"[^\S \t\n\r\f]|[\x00-\x08\x0b\x0e-\x1f]")


def render(tree: Tree) -> str:
    """Write a tree as Markdown that ends with a line's end, if there is anything in it."""
    text = _blocks(tree.get("content", ()))
    return f"{text}\n" if text else ""


def _blocks(nodes: Sequence[Tree]) -> str:
    parts: list[str] = []
    other = False  # Lists that follow each other need other signs, or they become one.
    before = ""
    for node in nodes:
        name = node["type"]
        listed = name in _LISTS
        other = listed and before in _LISTS and not other
        text = _list(node, other) if listed else _WRITERS.get(name, _paragraph)(node)
        if text:
            parts.append(text)
            before = name
    return "\n\n".join(parts)


def _paragraph(node: Tree) -> str:
    if node["type"] in ("text", "hardBreak"):  # Loose, as a program may have written it.
        return _lines([node])
    return _lines(node.get("content", ()))


def _heading(node: Tree) -> str:
    text = _inline(node.get("content", ()), "<br>").replace("\n", " ").strip()
    text = re.sub(r"#+$", lambda signs: "".join(f"\\{sign}" for sign in signs[0]), text)
    return f"{'#' * _attrs(node)['level']} {text}".rstrip()


def _quote(node: Tree) -> str:
    return _indented(_blocks(node.get("content", ())) or "<!-- -->", "> ", "> ")


def _code(node: Tree) -> str:
    text = "".join(child.get("text", "\n") for child in node.get("content", ()))
    fence = _longer(text, "`", 3)
    language = re.sub(r"[\s`]", "", _attrs(node)["language"] or "")
    language = re.sub(r"([\\&])", r"\\\1", language)
    return f"{fence}{language}\n{text}\n{fence}" if text else f"{fence}{language}\n{fence}"


def _image(node: Tree) -> str:
    attrs = _attrs(node)
    title = f' "{_quoted(attrs["title"])}"' if attrs["title"] else ""
    return f"![{_escaped(attrs['alt'] or '')}]({attrs['src']}{title})" if attrs["src"] else ""


def _rule(node: Tree) -> str:
    return "---"


# Lists


_LISTS: Final = ("bulletList", "orderedList", "taskList")


def _list(node: Tree, other: bool) -> str:
    ordered = node["type"] == "orderedList"
    number = _attrs(node)["start"] if ordered else 0
    items = node.get("content", ())
    texts = []
    for item in items:
        sign = f"{number}{')' if other else '.'}" if ordered else ("*" if other else "-")
        number += 1
        box = f"[{'x' if _attrs(item)['checked'] else ' '}] " if item["type"] == "taskItem" else ""
        texts.append(_indented(box + _item(item, bool(box)), f"{sign} ", " " * (len(sign) + 1)))
    return ("\n" if all(_is_short(item) for item in items) else "\n\n").join(texts)


def _item(item: Tree, task: bool) -> str:
    first, *others = item.get("content") or [{"type": "paragraph"}]
    text = _blocks([first])
    rest = _blocks(others)
    if not text and (task or rest):
        text = "<!-- -->"  # Without anything, the next line would not belong to it.
    if not rest:
        return text
    return f"{text}\n{rest}" if _is_short(item) else f"{text}\n\n{rest}"


def _is_short(item: Tree) -> bool:
    """Tell whether an item is a line and lists that may follow it without an empty line."""
    first, *others = item.get("content") or [{"type": "paragraph"}]
    return (
        first["type"] == "paragraph"
        and bool(first.get("content"))
        and len(others) <= 1
        and all(n["type"] in _LISTS and _attrs(n).get("start", 1) == 1 for n in others)
        # Nor may a list that begins with nothing, which would underline a heading.
        and all(n["content"][0].get("content", [{}])[0].get("content") for n in others)
    )


def _indented(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join(
        ((first if number == 0 else rest) + line).rstrip(" ") if not line else
        (first if number == 0 else rest) + line
        for number, line in enumerate(lines)
    )  # fmt: skip


# Tables


def _table(node: Tree) -> str:
    rows = [row.get("content", []) for row in node.get("content", ())]
    if not _is_plain(rows):
        # An empty line would end the HTML.
        return html.render({"type": "doc", "content": [node]}).replace("\n", "&#10;")
    marks = {None: "---", "left": ":--", "center": ":-:", "right": "--:"}
    lines = [[_cell(cell) for cell in row] for row in rows]
    lines.insert(1, [marks[_attrs(cell)["align"]] for cell in rows[0]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _is_plain(rows: list[list[Tree]]) -> bool:
    """Tell whether GFM has such tables: one row of heads, and one line in each cell."""
    return (
        bool(rows)
        and all(len(row) == len(rows[0]) > 0 for row in rows)
        and all(
            cell["type"] == ("tableCell" if number else "tableHeader")
            and _attrs(cell)["colspan"] == _attrs(cell)["rowspan"] == 1
            and _attrs(cell)["align"] == _attrs(head)["align"]
            and [block["type"] for block in cell.get("content", ())] == ["paragraph"]
            for number, row in enumerate(rows)
            for cell, head in zip(row, rows[0], strict=True)
        )
    )


def _cell(cell: Tree) -> str:
    content = cell["content"][0].get("content", ())
    return _inline(content, "<br>", cell=True).replace("\n", " ").strip()


# Text


def _lines(nodes: Sequence[Tree]) -> str:
    """Write a paragraph's lines, none of which begins like another block."""
    last = len(nodes)
    while last and nodes[last - 1]["type"] == "hardBreak":
        last -= 1
    text = _inline(nodes[:last], "\\\n") + "<br>" * (len(nodes) - last)
    lines = (line.strip(" \t\r\f") for line in text.split("\n"))
    return "\n".join(_LINE_START.sub(_guarded, line) for line in lines)


def _guarded(start: re.Match[str]) -> str:
    return f"{start[1]}\\{start[2]}" if start[1] else f"\\{start[3]}"


def _inline(nodes: Sequence[Tree], line_break: str, *, cell: bool = False) -> str:
    """Write texts and breaks.

    Args:
        line_break: How a break is written here.
        cell: In a table a bar ends the cell, even within code.
    """
    pieces = [_Piece(node) for node in nodes if node["type"] in ("text", "hardBreak")]
    for piece in pieces:
        if cell and piece.text and "code" in piece.marks:
            piece.text = piece.text.replace("|", "\\|")
    return _nested(_trimmed(pieces), MARKS, line_break)


class _Piece:
    """A text with its marks, or a break."""

    def __init__(self, node: Tree, text: str | None = None) -> None:
        self.node = node
        self.text: str | None = None
        self.marks: dict[str, Any] = {}
        if node["type"] == "text":
            self.text = _SPACES.sub(" ", node["text"]) if text is None else text
            self.marks = {
                m["type"]: filled(m["type"], m.get("attrs") or {}) for m in node.get("marks", ())
            }


_SPACES = re.compile(r"[ \t\n\r\f]+")


def _trimmed(pieces: list[_Piece]) -> list[_Piece]:
    """Take spaces at the ends of marks out of them: a sign of emphasis has a word beside it."""
    out: list[_Piece] = []
    for piece in pieces:
        text = piece.text
        if text is None or not piece.marks or "code" in piece.marks or text == text.strip(" "):
            out.append(piece)
            continue
        kept = {k: v for k, v in piece.marks.items() if k in ("link", "underline")}
        for part in re.findall(r"^ +|[^ ](?:.*[^ ])?| +$", text):
            made = _Piece(piece.node, part)
            made.marks = kept if part.isspace() else piece.marks
            out.append(made)
    return out


def _nested(pieces: Sequence[_Piece], order: Sequence[str], line_break: str) -> str:
    if not order:
        return "".join(line_break if p.text is None else _escaped(p.text) for p in pieces)
    mark, *others = order
    groups = [(value, list(group)) for value, group in groupby(pieces, lambda p: p.marks.get(mark))]
    parts = []
    for number, (value, group) in enumerate(groups):
        if value is None:
            parts.append(_nested(group, others, line_break))
        elif mark == "code":
            parts.append(_code_span("".join(p.text or "" for p in group)))
        else:
            inner = _nested(group, others, line_break)
            before = groups[number - 1][1][-1] if number else None
            after = groups[number + 1][1][0] if number + 1 < len(groups) else None
            parts.append(_wrapped(mark, value, inner, before, after))
    return "".join(parts)


def _wrapped(
    mark: str, attrs: dict[str, Any], inner: str, before: _Piece | None, after: _Piece | None
) -> str:
    if mark == "link":
        title = f' "{_quoted(attrs["title"])}"' if attrs["title"] else ""
        return (
            f"[{inner}](<{_address(attrs['href'])}>{title})"
            if _ANGLED.search(attrs["href"])
            else f"[{inner}]({_address(attrs['href'])}{title})"
        )
    sign = _SIGNS.get(mark)
    if (
        sign
        and _is_word(inner[:1])
        and _is_word(inner[-1:])
        and _apart(before, -1)
        and _apart(after, 0)
    ):
        return f"{sign}{inner}{sign}"
    return f"<{_TAGS[mark]}>{inner}</{_TAGS[mark]}>"


def _is_word(character: str) -> bool:
    return character.isalnum()


def _apart(piece: _Piece | None, end: int) -> bool:
    """Tell whether a sign of emphasis may stand beside what is there."""
    if piece is None or piece.text is None:
        return True
    character = piece.text[end]
    return character == " " or (not piece.marks and unicodedata.category(character)[0] == "P")


def _code_span(text: str) -> str:
    fence = _longer(text, "`", 1)
    pad = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _longer(text: str, sign: str, least: int) -> str:
    """Return a fence that is longer than any row of the sign in the text."""
    longest = max((len(row) for row in re.findall(f"{sign}+", text)), default=0)
    return sign * max(least, longest + 1)


def _escaped(text: str) -> str:
    text = _SPECIAL.sub(lambda sign: f"\\{sign[0]}", _SPACES.sub(" ", text))
    return _ODD_SPACE.sub(lambda space: f"&#{ord(space[0])};", text)


_ANGLED = re.compile(r"[()\s<>]")


def _address(href: str) -> str:
    return re.sub(r"[\\<>&()*_\[\]`~|]", r"\\\g<0>", _SPACES.sub("%20", href))


def _quoted(title: str) -> str:
    return re.sub(r'[\\"&*_`<\[\]~|]', r"\\\g<0>", _SPACES.sub(" ", title))


def _attrs(node: Tree) -> dict[str, Any]:
    return filled(node["type"], node.get("attrs") or {})


_WRITERS: Final[dict[str, Callable[[Tree], str]]] = {
    "paragraph": _paragraph,
    "heading": _heading,
    "blockquote": _quote,
    "codeBlock": _code,
    "horizontalRule": _rule,
    "image": _image,
    "table": _table,
}
# List items, rows and cells are written by what they are in, a break by its line.
NODES: Final = {
    *_WRITERS, *_LISTS, "listItem", "taskItem", "tableRow", "tableCell", "tableHeader", "hardBreak",
}  # fmt: skip
