"""Any tree as one that the editor's schema allows, with as little change as it takes.

An editor deletes what its schema does not allow, so nothing else may be written into a document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from collab.texts import whole
from documents.content.attributes import given
from documents.content.schema import MARKS, MAX_DEPTH, NODES
from documents.content.tree import Tree, joined, run, walk

# How each content expression of the schema is met; `tests` holds it equal to the schema's.
CONTENT: Final = frozenset({
    "", "block+", "inline*", "text*", "paragraph block*", "listItem+", "taskItem+", "tableRow+",
    "(tableCell | tableHeader)*",
})  # fmt: skip

# A node that is out of place is put into one of these.
_PARENTS = {
    "listItem": "bulletList",
    "taskItem": "taskList",
    "tableRow": "table",
    "tableCell": "tableRow",
    "tableHeader": "tableRow",
}
# A table takes four levels to its words, a line's break one more.
_MAX_CONTAINER_DEPTH = MAX_DEPTH - 5
# Rows are made equally long with so many cells at most, all in all.
_MAX_PADDING = 5_000


def fit(tree: Tree) -> Tree:
    """Make a valid document: unknown nodes become their content, loose text a paragraph.

    Attributes that are not there stay away: they mean the default in a new node and whatever there
    is in one that is.
    """
    return {"type": "doc", "content": _some(_blocks(tree.get("content", ()), 1))}


def _some(blocks: list[Tree]) -> list[Tree]:
    return blocks or [{"type": "paragraph"}]


def _blocks(nodes: Iterable[Tree], depth: int, like: Tree | None = None) -> list[Tree]:
    """Make blocks of anything.

    Args:
        like: The paragraph or heading that holds loose text here.
    """
    blocks: list[Tree] = []
    for place, group in groupby(nodes, _place):
        if place == "inline":
            content = _inline(group)
            if content:
                blocks.append({**(like or {"type": "paragraph"}), "content": content})
        elif place:
            blocks += _block({"type": place, "content": list(group)}, depth, like)
        else:
            for node in group:
                blocks += _block(node, depth, like)
    return blocks


def _place(node: Tree) -> str:
    """Return "inline", the node that this one has to be put into, or nothing for a block."""
    name = node["type"]
    if name in NODES and NODES[name].inline:
        return "inline"
    return _PARENTS.get(name, "")


def _block(node: Tree, depth: int, like: Tree | None) -> list[Tree]:
    name = node["type"]
    content = node.get("content", ())
    if name not in NODES or name == "doc":
        return _blocks(content, depth, like)
    if name in ("paragraph", "heading"):
        own = _like(node)
        return _blocks(content, depth, own) or [own]
    if name == "codeBlock":
        text = _words(node)
        return [_like(node, [run(text)] if text else [])]
    if name in ("image", "horizontalRule"):
        made = _like(node)
        return [made] if name != "image" or made.get("attrs", {}).get("src") else []
    if depth > _MAX_CONTAINER_DEPTH:
        text = _words(node)
        return [{"type": "paragraph", "content": [run(text)]}] if text else []
    if name == "blockquote":
        return [_like(node, _some(_blocks(content, depth + 1)))]
    if name == "table":
        return _table(node, depth)
    if name == "tableRow":  # In a row's own place there is `_table`.
        return _table({"type": "table", "content": [node]}, depth)
    return list(_lists(node, depth))


def _like(node: Tree, content: list[Tree] | None = None) -> Tree:
    attrs = given(node["type"], node.get("attrs") or {})
    made: Tree = {"type": node["type"]}
    if attrs:
        made["attrs"] = attrs
    if content:
        made["content"] = content
    return made


def _words(node: Tree) -> str:
    """Return all text in a node, a line per block."""
    parts: list[str] = []
    for event, inner in walk(node):
        if event == "text":
            parts.append(whole(str(inner.get("text", ""))))
        elif parts and parts[-1] != "\n" and (event == "open" or inner["type"] != "hardBreak"):
            parts.append("\n")
    if len(parts) > 1 and parts[-1] == "\n":
        parts.pop()
    return "".join(parts)


def _inline(nodes: Iterable[Tree]) -> list[Tree]:
    return joined(
        run(whole(str(node.get("text", ""))), _marks(node))
        if node["type"] == "text"
        else _like(node)
        for node in nodes
    )


def _marks(node: Tree) -> list[Tree]:
    """Return a text's marks as the schema allows them together, in its order."""
    wanted: dict[str, Any] = {
        mark["type"]: mark.get("attrs") or {} for mark in node.get("marks", ())
    }
    if "code" in wanted:
        return [{"type": "code"}]
    marks = []
    for name in MARKS:
        if name in wanted:
            attrs = given(name, wanted[name])
            if name != "link" or attrs.get("href"):
                marks.append({"type": name, "attrs": attrs} if attrs else {"type": name})
    return marks


def _lists(node: Tree, depth: int) -> Iterator[Tree]:
    """Make lists of a list: one for each row of items of one kind."""
    tasks = node["type"] == "taskList"
    items: list[Tree] = []
    for child in node.get("content", ()):
        is_item = child["type"] in ("listItem", "taskItem")
        items.append(child if is_item else {"type": "listItem", "content": [child]})
    for is_task, group in groupby(items, lambda n: tasks or n["type"] == "taskItem"):
        made = [_item(item, "taskItem" if is_task else "listItem", depth + 1) for item in group]
        if is_task:
            yield {"type": "taskList", "content": made}
        else:
            yield _like(node, made)


def _item(node: Tree, name: str, depth: int) -> Tree:
    content = _blocks(node.get("content", ()), depth + 1)
    if content and content[0]["type"] == "heading":
        content[0] = {**content[0], "type": "paragraph"}
        content[0].pop("attrs", None)
    if not content or content[0]["type"] != "paragraph":
        content.insert(0, {"type": "paragraph"})
    return _like({**node, "type": name}, content)


def _table(node: Tree, depth: int) -> list[Tree]:
    """Make a table, behind what is in it but in no row."""
    rows: list[Tree] = []
    others: list[Tree] = []
    for child in node.get("content", ()):
        if child["type"] == "tableRow":
            rows.append(child)
        elif child["type"] in ("tableCell", "tableHeader"):
            rows.append({"type": "tableRow", "content": [child]})
        else:
            others.append(child)
    made = [cells for row in rows if (cells := _cells(row, depth + 2))]
    _level(made)
    table = _like(node, [{"type": "tableRow", "content": cells} for cells in made])
    return _blocks(others, depth) + ([table] if made else [])


def _cells(row: Tree, depth: int) -> list[Tree]:
    cells = []
    for child in row.get("content", ()):
        if child["type"] not in ("tableCell", "tableHeader"):
            child = {"type": "tableCell", "content": [child]}
        cells.append(_like(child, _some(_blocks(child.get("content", ()), depth + 1))))
    return cells


def _level(rows: list[list[Tree]]) -> None:
    """Make rows equally long, where cells do not overlap and few are missing."""
    widths = []
    reaching: list[tuple[int, int]] = []  # (rows that it still reaches into, columns)
    for number, cells in enumerate(rows):
        width = sum(columns for _, columns in reaching)
        reaching = [(left - 1, columns) for left, columns in reaching if left > 1]
        for cell in cells:
            attrs = cell.get("attrs", {})
            columns = attrs.get("colspan", 1)
            if attrs.get("rowspan", 1) > len(rows) - number:
                attrs["rowspan"] = len(rows) - number
            if attrs.get("rowspan", 1) > 1:
                reaching.append((attrs["rowspan"] - 1, columns))
            width += columns
        widths.append(width)
    widest = max(widths, default=0)
    missing = [widest - width for width in widths]
    if sum(missing) <= _MAX_PADDING:
        for cells, count in zip(rows, missing, strict=True):
            cells += (
                {"type": cells[-1]["type"], "content": [{"type": "paragraph"}]}
                for _ in range(count)
            )
