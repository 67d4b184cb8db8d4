"""What a rich document can hold: the editor's own schema, as its build exports it.

`schema.json` is {"version": N, "nodes": {name: {"attrs": {name: default}, "content": expression,
"group": names}}, "marks": {name: {"attrs": {name: default}}}} in ProseMirror's words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Node:
    """A kind of node: its attributes with their defaults, and what it may contain."""

    attrs: Mapping[str, Any]
    content: str
    group: tuple[str, ...]

    @property
    def inline(self) -> bool:
        return "inline" in self.group

    @property
    def leaf(self) -> bool:
        return not self.content


_exported: Final = json.loads(Path(__file__).with_name("schema.json").read_text("utf-8"))

VERSION: Final[int] = _exported["version"]
NODES: Final[Mapping[str, Node]] = {
    name: Node(spec["attrs"], spec.get("content") or "", tuple((spec.get("group") or "").split()))
    for name, spec in _exported["nodes"].items()
}
# What is stored as an element.
ELEMENTS: Final = frozenset(NODES.keys() - {"doc", "text"})
# In ProseMirror's order, in which a text's marks are listed; name to attributes with defaults.
MARKS: Final[Mapping[str, Mapping[str, Any]]] = {
    name: spec["attrs"] for name, spec in _exported["marks"].items()
}

# A document's kinds: an XML tree that the editor shows, or one plain text.
RICH: Final = "rich"
TEXT: Final = "text"

BODY: Final = "body"

# Deeper elements are shown as their text: a document that deep is an accident or an attack, and
# reading it must cost no stack.
MAX_DEPTH: Final = 60
