"""What a room of the simulation holds: read as plain values, made anew from them, and edited.

Every edit appends a tag of its own to the ledger, in the transaction that makes it. Nobody undoes,
deletes or restores the ledger, so there each edit is to be found exactly once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pycrdt
from pycrdt import Array, Map, Text, XmlElement, XmlFragment, XmlText

Doc = pycrdt.Doc[Any]

_TAG = re.compile(rb"#\w+-\d+;")
# Of one, two, three and four bytes, of one and two UTF-16 units; marks that combine, a family of
# seven code points, a script that runs from the right.
PIECES = ["x", "naïve ", "e\u0301", "😀", "👩‍👩‍👧", "\U0001d11e\u0308", "שלום", "\n"]


class Roots:
    """The shared types of one document."""

    def __init__(self, doc: Doc) -> None:
        self.doc = doc
        self.ledger: Array[Any] = doc.get("ledger", type=Array)
        self.body = doc.get("body", type=Text)
        self.tree = doc.get("tree", type=XmlFragment)
        self.map: Map[Any] = doc.get("map", type=Map)
        self.list: Array[Any] = doc.get("list", type=Array)
        # As in a dashboard's room: a map for each panel, with a map of queries and a text in it.
        self.panels: Map[Any] = doc.get("panels", type=Map)

    @property
    def edited(self) -> list[Any]:
        """All but the ledger: what is undone and restored."""
        return [self.body, self.tree, self.map, self.list, self.panels]


def tag(author: str, number: int) -> str:
    """Name an edit."""
    return f"#{author}-{number};"


def tags_in(update: bytes) -> set[str]:
    """Find the tags of the edits in an update, also of one that cannot be applied yet."""
    return {found.decode() for found in _TAG.findall(update)}


# Reading


def content(doc: Doc) -> dict[str, Any]:
    """Read a document as values that are equal if and only if a person sees the same."""
    roots = Roots(doc)
    with doc.transaction():
        return {
            "ledger": list(roots.ledger),
            "body": _runs(roots.body),
            "tree": [_node(child) for child in roots.tree.children],
            "map": _plain(roots.map),
            "list": list(roots.list),
            "panels": _plain(roots.panels),
        }


def _runs(text: Text | XmlText) -> list[tuple[Any, dict[str, Any]]]:
    """Return pieces of text with their formats, as long as they can be, and what is embedded."""
    runs: list[tuple[Any, dict[str, Any]]] = []
    for piece, attributes in text.diff():
        formats = dict(sorted((attributes or {}).items()))
        if runs and isinstance(piece, str) and isinstance(runs[-1][0], str):
            before, known = runs[-1]
            if known == formats:
                runs[-1] = (before + piece, formats)
                continue
        runs.append((piece, formats))
    return runs


def _node(node: Any) -> Any:
    if isinstance(node, XmlText):
        return _runs(node)
    return (node.tag, sorted(node.attributes), [_node(child) for child in node.children])


def _plain(value: Any) -> Any:
    """Read a value; a pair of its kind and what is in it if it is shared, unlike a plain dict."""
    if isinstance(value, Map):
        return ("map", {key: _plain(value[key]) for key in sorted(value.keys())})
    return ("text", _runs(value)) if isinstance(value, Text) else value


# Restoring


def restore(doc: Doc, wanted: dict[str, Any]) -> None:
    """Make the content what it was, as an edit of what it is now; the ledger stays."""
    roots = Roots(doc)
    if _runs(roots.body) != wanted["body"]:
        roots.body.clear()
        _write_runs(roots.body, wanted["body"])
    if [_node(child) for child in roots.tree.children] != wanted["tree"]:
        del roots.tree.children[:]
        for node in wanted["tree"]:
            _write_node(roots.tree, node)
    _write_map(roots.map, wanted["map"][1])
    _write_map(roots.panels, wanted["panels"][1])
    if list(roots.list) != wanted["list"]:
        roots.list.clear()
        roots.list.extend(wanted["list"])


def _write_runs(text: Any, runs: list[tuple[Any, dict[str, Any]]]) -> None:
    at = 0
    for piece, formats in runs:
        if isinstance(piece, str):
            text.insert(at, piece, formats)
            at += len(piece.encode())
        else:
            text.insert_embed(at, piece, formats)
            at += 1


def _write_node(parent: Any, node: Any) -> None:
    if isinstance(node, list):
        parent.children.append(XmlText(""))
        _write_runs(parent.children[len(parent.children) - 1], node)
        return
    name, attributes, children = node
    parent.children.append(XmlElement(name, attributes))
    made = parent.children[len(parent.children) - 1]
    for child in children:
        _write_node(made, child)


def _write_map(there: Map[Any], wanted: dict[str, Any]) -> None:
    for key in sorted(there.keys()):
        if key not in wanted:
            del there[key]
    for key, value in wanted.items():
        known = there.get(key)
        if key in there and _plain(known) == value:
            continue
        if not isinstance(value, tuple):
            there[key] = value
        elif value[0] == "text":
            there[key] = Text()
            _write_runs(there[key], value[1])
        else:
            if not isinstance(known, Map):
                there[key] = Map()
            _write_map(there[key], value[1])


# Editing: each takes the roots and a number below 1000 that says where


def _insert(roots: Roots, at: int) -> None:
    ends = _ends(roots.body)
    roots.body.insert(_pick(ends, at), PIECES[at % len(PIECES)])


def _insert_bold(roots: Roots, at: int) -> None:
    roots.body.insert(_pick(_ends(roots.body), at), PIECES[at % len(PIECES)], {"bold": True})


def _embed(roots: Roots, at: int) -> None:
    roots.body.insert_embed(_pick(_ends(roots.body), at), {"image": at})


def _delete(roots: Roots, at: int) -> None:
    start, end = _span(roots.body, at)
    if start < end:
        del roots.body[start:end]


def _format(roots: Roots, at: int) -> None:
    start, end = _span(roots.body, at)
    if start < end:
        value = [True, None, {"href": "/"}][at % 3]
        roots.body.format(start, end, {["bold", "link"][at % 2]: value})


def _add_block(roots: Roots, at: int) -> None:
    where = _pick(range(len(roots.tree.children) + 1), at)
    words = [XmlText(PIECES[at % len(PIECES)])]
    item = XmlElement("item", {"checked": "no"}, words)
    block = item if at % 2 else XmlElement("list", {"kind": "task"}, [item])
    roots.tree.children.insert(where, block)


def _add_within(roots: Roots, at: int) -> None:
    if block := _block(roots, at):
        words = XmlText(PIECES[at % len(PIECES)])
        block.children.insert(_pick(range(len(block.children) + 1), at), words)


def _remove_block(roots: Roots, at: int) -> None:
    if count := len(roots.tree.children):
        del roots.tree.children[_pick(range(count), at)]


def _set_attribute(roots: Roots, at: int) -> None:
    if block := _block(roots, at):
        block.attributes[["checked", "kind"][at % 2]] = f"v{at}"


def _write_in_block(roots: Roots, at: int) -> None:
    block = _block(roots, at)
    while isinstance(block, XmlElement) and len(block.children):
        block = block.children[_pick(range(len(block.children)), at)]
    if isinstance(block, XmlText):
        block.insert(_pick(_ends(block), at), PIECES[at % len(PIECES)], {"em": True})


def _set_key(roots: Roots, at: int) -> None:
    roots.map[f"k{at % 4}"] = [at, f"{at}😀", None, {"a": [at, True]}, 1.5][at % 5]


def _drop_key(roots: Roots, at: int) -> None:
    if keys := sorted(roots.map.keys()):
        del roots.map[_pick(keys, at)]


def _add_item(roots: Roots, at: int) -> None:
    roots.list.insert(_pick(range(len(roots.list) + 1), at), {"n": at})


def _drop_item(roots: Roots, at: int) -> None:
    if count := len(roots.list):
        del roots.list[_pick(range(count), at)]


def _add_panel(roots: Roots, at: int) -> None:
    # Two who add a panel of one id at once: one of the maps wins, as a whole.
    queries = Map({"a": Map({"metric": "load", "function": "avg"})})
    place = {"x": at % 12, "y": at / 8, "w": 4, "h": 3}
    roots.panels[f"p{at % 5}"] = Map({**place, "title": Text("Load"), "queries": queries})


def _move_panel(roots: Roots, at: int) -> None:
    if panel := _panel(roots, at):
        panel["x"], panel["y"] = at % 12, at / 16


def _name_panel(roots: Roots, at: int) -> None:
    if panel := _panel(roots, at):
        title = panel["title"]
        title.insert(_pick(_ends(title), at), PIECES[at % len(PIECES)])


def _ask_in_panel(roots: Roots, at: int) -> None:
    if panel := _panel(roots, at):
        panel["queries"][["a", "b"][at % 2]] = Map({"metric": f"m{at}", "by": ["host"]})


def _change_query(roots: Roots, at: int) -> None:
    if panel := _panel(roots, at):
        for key in sorted(panel["queries"].keys()):
            panel["queries"][key]["function"] = ["sum", "p95"][at % 2]


def _remove_panel(roots: Roots, at: int) -> None:
    if keys := sorted(roots.panels.keys()):
        del roots.panels[_pick(keys, at)]


DOCUMENT_EDITS: dict[str, Callable[[Roots, int], None]] = {
    "insert": _insert,
    "insert bold": _insert_bold,
    "embed": _embed,
    "delete": _delete,
    "format": _format,
    "add block": _add_block,
    "add within": _add_within,
    "remove block": _remove_block,
    "set attribute": _set_attribute,
    "write in block": _write_in_block,
    "set key": _set_key,
    "drop key": _drop_key,
    "add item": _add_item,
    "drop item": _drop_item,
}
LAYOUT_EDITS: dict[str, Callable[[Roots, int], None]] = {
    "add panel": _add_panel,
    "move panel": _move_panel,
    "name panel": _name_panel,
    "ask in panel": _ask_in_panel,
    "change query": _change_query,
    "remove panel": _remove_panel,
}


def _pick(places: Any, at: int) -> Any:
    return places[at * len(places) // 1000]


def _ends(text: Text | XmlText) -> list[int]:
    """Return where one can write: before and after each code point, in pycrdt's units (bytes)."""
    ends = [0]
    for piece, _ in text.diff():
        widths = [len(each.encode()) for each in piece] if isinstance(piece, str) else [1]
        for width in widths:
            ends.append(ends[-1] + width)
    return ends


def _span(text: Text, at: int) -> tuple[int, int]:
    ends = _ends(text)
    first = at * len(ends) // 1000
    return ends[first], ends[min(first + 1 + at % 7, len(ends) - 1)]


def _block(roots: Roots, at: int) -> Any:
    count = len(roots.tree.children)
    return roots.tree.children[_pick(range(count), at)] if count else None


def _panel(roots: Roots, at: int) -> Any:
    keys = sorted(roots.panels.keys())
    return roots.panels[_pick(keys, at)] if keys else None
