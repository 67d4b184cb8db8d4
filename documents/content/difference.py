"""What changed from one tree to another, as one tree that shows both.

Blocks are paired first, then words inside of paired ones. What is only in the old tree has the mark
`deleted`, what is only in the new one `inserted`; a block without text has it as its `change`.
`html.render` shows them as `<del>` and `<ins>`.

Not by lxml's htmldiff: it does not show that words became bold or a heading a paragraph, joins
lines of code, and strikes a short paragraph out as a whole for one word.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from collab.align import Effort, best, common
from documents.content.schema import NODES
from documents.content.tree import Tree, joined, walk

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
# Paragraphs that share fewer of their words are shown one after the other, not mixed.
_MIN_LIKENESS = 0.3
# Attributes that change how wide something is, and nothing that is said.
_UNSAID = {"colwidth", "width", "height"}
_LIKENESS_COST = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A tree that shows old and new, and how many words were inserted and deleted."""

    tree: Tree
    inserted: int
    deleted: int


def difference(old: Tree, new: Tree) -> Difference:
    """Compare two trees of the same kind; a text's is shown as a block of code.

    Takes a second for two megabytes that have nothing in common: past a bound of comparisons, what
    was not compared counts as changed.
    """
    effort = Effort()
    if new["type"] == "text":
        old, new = _as_code(old["text"]), _as_code(new["text"])
    tree = {
        "type": "doc",
        "content": _blocks(old.get("content", []), new.get("content", []), effort),
    }
    counts: Counter[str] = Counter()
    for event, node in walk(tree):
        if event == "text":
            for mark in node.get("marks", ()):
                counts[mark["type"]] += len(re.findall(r"\w+", node["text"]))
    return Difference(tree, counts["inserted"], counts["deleted"])


def _as_code(text: str) -> Tree:
    code: Tree = {"type": "codeBlock", "attrs": {"language": None}}
    return {"type": "doc", "content": [code | {"content": [{"type": "text", "text": text}]}]}


def _blocks(old: Sequence[Tree], new: Sequence[Tree], effort: Effort) -> list[Tree]:
    """Compare siblings."""
    made: list[Tree] = []
    i = j = 0
    pairs = common([_said(node) for node in old], [_said(node) for node in new], effort)
    for next_i, next_j in [*pairs, (len(old), len(new))]:
        made += _gap(old[i:next_i], new[j:next_j], effort)
        if next_j < len(new):
            made.append(new[next_j])
        i, j = next_i + 1, next_j + 1
    return made


def _said(node: Tree) -> str:
    """Return all that a node says, to compare it by."""
    return json.dumps(node, sort_keys=True)


def _gap(old: Sequence[Tree], new: Sequence[Tree], effort: Effort) -> list[Tree]:
    """Compare siblings of which none are equal: like ones with each other."""
    old_words, new_words = [_words_of(node) for node in old], [_words_of(node) for node in new]

    def score(i: int, j: int) -> float:
        if _shape(old[i]) != _shape(new[j]):
            return 0
        likeness = _likeness(old_words[i], new_words[j])
        return likeness if likeness >= _MIN_LIKENESS or not _has_words(new[j]) else 0

    made: list[Tree] = []
    i = j = 0
    pairs = best(len(old), len(new), score, effort, _LIKENESS_COST) if old and new else []
    for next_i, next_j in [*(pairs or []), (len(old), len(new))]:
        made += (_changed(node, "deleted") for node in old[i:next_i])
        made += (_changed(node, "inserted") for node in new[j:next_j])
        if next_i < len(old):
            made.append(_inside(old[next_i], new[next_j], effort))
        i, j = next_i + 1, next_j + 1
    return made


def _shape(node: Tree) -> tuple[str, str]:
    """Return what two blocks must have alike to be shown as one that changed inside."""
    attrs = {key: value for key, value in node.get("attrs", {}).items() if key not in _UNSAID}
    leaf = NODES[node["type"]].leaf
    return node["type"], _said(attrs) + ("leaf" if leaf else "")


def _words_of(node: Tree) -> Counter[str]:
    texts = (each["text"] for event, each in walk({"content": [node]}) if event == "text")
    return Counter(word for text in texts for word in re.findall(r"\w+", text))


def _likeness(old: Counter[str], new: Counter[str]) -> float:
    """Tell which part of the words of two blocks is in both, at least a little."""
    total = old.total() + new.total()
    return max(2 * (old & new).total() / total, 0.01) if total else 1


def _has_words(node: Tree) -> bool:
    """Tell whether a node holds text itself, as a paragraph does and a list does not."""
    return "inline" in NODES[node["type"]].content or "text" in NODES[node["type"]].content


def _inside(old: Tree, new: Tree, effort: Effort) -> Tree:
    compare = _inline if _has_words(new) else _blocks
    return {**new, "content": compare(old.get("content", []), new.get("content", []), effort)}


def _inline(old: Sequence[Tree], new: Sequence[Tree], effort: Effort) -> list[Tree]:
    """Compare a paragraph's words; those with other marks are others."""
    a, b = _tokens(old), _tokens(new)
    made: list[Tree] = []
    i = j = 0
    pairs = common([_said(node) for node in a], [_said(node) for node in b], effort)
    for next_i, next_j in [*pairs, (len(a), len(b))]:
        made += (_changed(node, "deleted") for node in a[i:next_i])
        made += (_changed(node, "inserted") for node in b[j:next_j])
        made += b[next_j : next_j + 1]
        i, j = next_i + 1, next_j + 1
    return joined(made)


def _tokens(content: Sequence[Tree]) -> list[Tree]:
    """Cut text into words; everything else stays as it is."""
    return [
        node | {"text": word} if node["type"] == "text" else node
        for node in content
        for word in (_WORDS.findall(node["text"]) if node["type"] == "text" else [""])
    ]


def _changed(node: Tree, change: str) -> Tree:
    """Mark all of a node as inserted or deleted. It is at most `schema.MAX_DEPTH` deep."""
    if node["type"] == "text":
        return {**node, "marks": [{"type": change}, *node.get("marks", [])]}
    if NODES[node["type"]].leaf:
        return {**node, "change": change}
    content = [_changed(child, change) for child in node.get("content", [])]
    return {**node, "content": content} if content else node
