"""A document's body as ProseMirror's JSON.

The body is what y-prosemirror stores of a Tiptap document: an `XmlFragment` of elements named after
ProseMirror's nodes, with `XmlText` whose formats are its marks. A tree is {"type": name, "attrs":
{...}, "content": [tree, ...]}, a text {"type": "text", "text": words, "marks": [{"type": name,
"attrs": {...}}, ...]}; what would be empty is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pycrdt

from documents.content.attributes import filled
from documents.content.schema import ELEMENTS, MARKS, MAX_DEPTH, NODES

Tree = dict[str, Any]

_Node = pycrdt.XmlElement | pycrdt.XmlText | pycrdt.XmlFragment


def read(body: pycrdt.XmlFragment) -> Tree:
    """Read a body as it is, which a program may have written: not all of it need be valid.

    Of nodes and marks that the schema does not have, and of nodes deeper than `MAX_DEPTH`, the
    text stays.
    """
    doc: Tree = {"type": "doc", "content": []}
    into: list[list[Tree]] = [doc["content"]]
    for event, node in _events(body):
        if event == "text":
            add_runs(into[-1], runs_of(node) or [])
        elif event == "close":
            into.pop()
        elif node.tag not in ELEMENTS:
            into.append(into[-1])
        else:
            made = bare(node)
            into[-1].append(made)
            into.append(into[-1] if NODES[node.tag].leaf else made.setdefault("content", []))
    for _, tree in walk(doc):
        if not tree.get("content", True):
            del tree["content"]
    return doc


def bare(node: pycrdt.XmlElement) -> Tree:
    """Read an element that the schema has, without its content."""
    attributes: dict[str, Any] = dict(node.attributes)  # type: ignore[call-overload]
    attrs = filled(node.tag or "", attributes)
    return {"type": node.tag, "attrs": attrs} if attrs else {"type": node.tag}


def runs_of(text: pycrdt.XmlText) -> list[Tree]:
    """Read a text's runs, each as a text node, without what is embedded in it."""
    return joined(
        run(words, marks_of(f or {})) for words, f in text.diff() if isinstance(words, str)
    )


def run(text: str, marks: Sequence[Tree] = ()) -> Tree:
    """Make a text node."""
    made: Tree = {"type": "text", "text": text}
    return made | {"marks": list(marks)} if marks else made


def add_runs(content: list[Tree], runs: Iterable[Tree]) -> None:
    """Append text nodes, the first of them to the last one if both have the same marks."""
    content[-1:] = joined([*content[-1:], *runs])


def joined(nodes: Iterable[Tree]) -> list[Tree]:
    """Return nodes with texts of the same marks beside each other as one, and no empty ones."""
    there = (node for node in nodes if node["type"] != "text" or node["text"])
    made: list[Tree] = []
    for (is_text, _), group in groupby(there, lambda n: (n["type"] == "text", n.get("marks"))):
        if is_text:
            # At once: to add one by one copies a long text for each of its words.
            first, *others = group
            text = "".join([first["text"], *(node["text"] for node in others)])
            made.append(first | {"text": text} if others else first)
        else:
            made += group
    return made


def marks_of(formats: Mapping[str, Any]) -> list[Tree]:
    """Return a text's marks in the schema's order, without those that it does not know."""
    # y-prosemirror adds a hash to the names of marks that may overlap themselves.
    values = {key.split("--", 1)[0]: value for key, value in formats.items() if value is not None}
    marks = []
    for name in MARKS:
        if name in values:
            value = values[name]
            attrs = filled(name, value if isinstance(value, Mapping) else {})
            if name != "link" or attrs["href"]:
                marks.append({"type": name, "attrs": attrs} if attrs else {"type": name})
    return marks


def walk(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """Go through what is in a tree, in reading order: ("open" | "close" | "text", node)."""
    stack: list[tuple[Tree | None, Iterator[Tree]]] = [(None, iter(tree.get("content", ())))]
    while stack:
        parent, children = stack[-1]
        node = next(children, None)
        if node is None:
            stack.pop()
            if parent is not None:
                yield "close", parent
        elif node["type"] == "text":
            yield "text", node
        else:
            yield "open", node
            stack.append((node, iter(node.get("content", ()))))


def _events(root: pycrdt.XmlFragment) -> Iterator[tuple[str, Any]]:
    """Go through a body in reading order, without elements that are too deep."""
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
            if len(stack) <= MAX_DEPTH:
                yield "open", node
            stack.append((node, iter(node.children)))
