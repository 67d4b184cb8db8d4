"""Turn a live document into a wanted one by the edit that changes least.

Others write while this is computed, and their carets stand in the text: blocks that stay are not
touched, in those that change only the words and attributes that differ. So the edit merges with
what came meanwhile like a person's.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate, groupby, pairwise
from typing import Any, NamedTuple

import pycrdt

from collab.align import Effort, best, changes, common
from collab.texts import byte_places, change_text
from collab.titles import TITLE
from documents import content
from documents.content.attributes import filled
from documents.content.fit import fit
from documents.content.schema import BODY, ELEMENTS, MARKS, MAX_DEPTH, RICH, TEXT
from documents.content.tree import Tree, bare, runs_of, walk

_Parent = pycrdt.XmlFragment | pycrdt.XmlElement
_Carried = frozenset[tuple[str, str]]

# Likeness is judged by so many words of a block.
_MAX_WORDS = 200
# To find a place, as many siblings or runs are passed in the time that a comparison takes.
_PASSED = 16


def edit(state: bytes, wanted: Tree, kind: str = RICH, title: str | None = None) -> bytes | None:
    """Return the update that makes of a state what is wanted; None if it is that already.

    Documents of a megabyte with nothing in common take ten seconds: beyond a bound whole blocks
    are replaced in order, and a text's changes become one.

    Args:
        state: The live document; the update applies to it and to everything that came after.
        wanted: A tree, made valid before; {"type": "text", "text": words} for a text. An attribute
            that no node of a kind carries is left as it is.
        title: None leaves it as it is.

    Raises:
        UpdateRejected: the state cannot be read.
    """
    return _write(content.replica_of(state).doc, wanted, kind, title)


def new_state(wanted: Tree, kind: str = RICH, title: str = "") -> bytes:
    """Return a first content."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    _write(doc, wanted, kind, title)
    return doc.get_update()


def _write(doc: pycrdt.Doc[Any], wanted: Tree, kind: str, title: str | None) -> bytes | None:
    updates: list[bytes] = []
    effort = Effort()
    # The update of the transaction alone: an encoded difference carries the whole delete set.
    observer = doc.observe(lambda event: updates.append(event.update))
    try:
        if title is not None:
            shared = doc.get(TITLE, type=pycrdt.Text)
        body: Any = doc.get(BODY, type=pycrdt.Text if kind == TEXT else pycrdt.XmlFragment)
        with doc.transaction():
            if title is not None:
                change_text(shared, title, effort)
            if kind == TEXT:
                change_text(body, str(wanted["text"]), effort)
            else:
                tree = fit(wanted)
                carried = _carried(tree)
                live = [_live(child, carried, 1) for child in body.children]
                _edit_children(body, live, _wanted_all(tree, carried), carried, effort)
    finally:
        doc.unobserve(observer)
    return updates[-1] if updates else None


def _carried(tree: Tree) -> _Carried:
    """Return which attributes a tree says anything about, by node or mark."""
    found: set[tuple[str, str]] = set()
    for _, node in walk(tree):
        for part in (node, *node.get("marks", ())):
            found.update((part["type"], key) for key in part.get("attrs", ()))
    return frozenset(found)


# What is compared


class _Item:
    """A node or a row of texts, live or wanted.

    Attributes:
        name: The node's type; "text" for a row of texts, "" for what cannot be kept.
        digest: Equal for items of equal content.
        node: Of a live one.
        tree: Of a wanted one, without its content.
        runs: Of a row of texts.
    """

    __slots__ = ("_words", "children", "digest", "name", "node", "runs", "tree")

    def __init__(self, name: str, children: list[_Item], runs: list[Tree], said: str) -> None:
        self.name = name
        self.children = children
        self.runs = runs
        self.node: Any = None
        self.tree: Tree = {}
        self._words: frozenset[str] | None = None
        parts = [said]
        # Texts beside each other read as one, and an empty one as nothing.
        for is_text, group in groupby(children, lambda child: child.name == "text"):
            if is_text:
                parts.append(_said_runs([run for child in group for run in child.runs]))
            else:
                parts += (child.digest.hex() for child in group)
        self.digest: bytes = blake2b(
            "\x00".join(filter(None, parts)).encode(), digest_size=16
        ).digest()

    @property
    def words(self) -> frozenset[str]:
        if self._words is None:
            found: set[str] = {
                word for run in self.runs for word in run["text"].split()[:_MAX_WORDS]
            }
            for child in self.children:
                if len(found) < _MAX_WORDS:
                    found |= child.words
            self._words = frozenset(found)
        return self._words


def _said(name: str, attrs: dict[str, Any], carried: _Carried) -> str:
    known = filled(name, attrs) if attrs or name in ELEMENTS else {}
    return repr((name, sorted((k, v) for k, v in known.items() if (name, k) in carried)))


def _said_runs(runs: Sequence[Tree]) -> str:
    return repr([(text, said) for said, group in groupby(runs, lambda run: run["said"])
                 if (text := "".join(run["text"] for run in group))]) if runs else ""  # fmt: skip


def _text(runs: Sequence[Tree], carried: _Carried) -> _Item:
    said = [
        {
            **run,
            "said": "".join(
                _said(m["type"], m.get("attrs") or {}, carried) for m in run.get("marks", ())
            ),
        }
        for run in runs
    ]
    return _Item("text", [], said, _said_runs(said) or "empty")


def _live(node: Any, carried: _Carried, depth: int) -> _Item:
    if isinstance(node, pycrdt.XmlText):
        whole_text = all(isinstance(part, str) for part, _ in node.diff())
        item = _text(runs_of(node), carried)
        item.name = "text" if whole_text else ""
    elif node.tag not in ELEMENTS or depth > MAX_DEPTH:
        item = _Item("", [], [], f"unknown {id(node)}")
    else:
        children = [_live(child, carried, depth + 1) for child in node.children]
        item = _Item(node.tag, children, [], _said(node.tag, bare(node).get("attrs", {}), carried))
    item.node = node
    return item


def _wanted_all(tree: Tree, carried: _Carried) -> list[_Item]:
    items = []
    for is_text, group in groupby(tree.get("content", ()), lambda node: node["type"] == "text"):
        if is_text:
            items.append(_text(list(group), carried))
            continue
        for node in group:
            said = _said(node["type"], node.get("attrs") or {}, carried)
            items.append(_Item(node["type"], _wanted_all(node, carried), [], said))
            items[-1].tree = node
    return items


# Edits


def _edit_children(
    parent: _Parent, live: list[_Item], wanted: list[_Item], carried: _Carried, effort: Effort
) -> None:
    """Make a parent's children what is wanted, from the last one on so that places stay true."""
    if not wanted and len(live) == 1 and live[0].name == "text":
        # As y-prosemirror does: what somebody types there meanwhile has a place to be.
        live[0].node.clear()
        return
    same = common([item.digest for item in live], [item.digest for item in wanted], effort)
    paired = dict(same)
    ends = [(-1, -1), *same, (len(live), len(wanted))]
    for (i, j), (next_i, next_j) in pairwise(ends):
        for a, b in _alike(live[i + 1 : next_i], wanted[j + 1 : next_j], effort):
            paired[i + 1 + a] = j + 1 + b
    equal = {i for i, _ in same}
    kept = [(-1, -1), *sorted(paired.items())]
    ends = [*kept[1:], (len(live), len(wanted))]
    passed = sum(
        (i + 1) * ((next_i > i + 1) + next_j - j - 1)
        for (i, j), (next_i, next_j) in zip(kept, ends, strict=True)
    )
    if not effort.take(passed // _PASSED):
        kept, ends = kept[:1], ends[-1:]
    for (i, j), (next_i, next_j) in reversed(list(zip(kept, ends, strict=True))):
        if next_i > i + 1:
            del parent.children[i + 1 : next_i]
        _insert(parent, i + 1, wanted[j + 1 : next_j])
        if i >= 0 and i not in equal:
            _edit_item(live[i], wanted[j], carried, effort)


def _alike(live: list[_Item], wanted: list[_Item], effort: Effort) -> list[tuple[int, int]]:
    """Pair what is of one kind, the more alike the rather."""
    if not live or not wanted:
        return []

    def score(i: int, j: int) -> float:
        a, b = live[i], wanted[j]
        if a.name != b.name:
            return 0
        shared = len(a.words & b.words)
        return 1 + 20 * shared / max(len(a.words) + len(b.words), 1)

    pairs = best(len(live), len(wanted), score, effort, cost=20)
    if pairs is None:
        places = range(min(len(live), len(wanted)))
        pairs = [(i, i) for i in places if live[i].name == wanted[i].name]
    return pairs


def _edit_item(live: _Item, wanted: _Item, carried: _Carried, effort: Effort) -> None:
    if live.name == "text":
        _edit_text(live.node, wanted.runs, carried, effort)
        return
    old = bare(live.node).get("attrs", {})
    new = filled(wanted.name, wanted.tree.get("attrs") or {})
    for key, value in new.items():
        if (wanted.name, key) in carried and old[key] != value:
            if value is not None:
                live.node.attributes[key] = value
            else:
                del live.node.attributes[key]
    _edit_children(live.node, live.children, wanted.children, carried, effort)


def _insert(parent: _Parent, at: int, items: Sequence[_Item]) -> None:
    # The last one first: to find a place takes time in its distance from the start.
    for item in reversed(items):
        if item.name == "text":
            text = parent.children.insert(at, pycrdt.XmlText(""))
            for run in reversed(item.runs):
                text.insert(0, run["text"], _formats(run))
            continue
        made = parent.children.insert(at, pycrdt.XmlElement(item.name))
        for key, value in filled(item.name, item.tree.get("attrs") or {}).items():
            if value is not None:
                made.attributes[key] = value
        _insert(made, 0, item.children)


# Text


class _Step(NamedTuple):
    """Words to insert at a place, formats to give to a range, or without both one to delete.

    Places are code points of the text as it was.
    """

    low: int
    high: int
    words: str
    formats: dict[str, Any]


def _edit_text(text: pycrdt.XmlText, runs: list[Tree], carried: _Carried, effort: Effort) -> None:
    """Change the words that differ, then the marks of those that stay."""
    pieces = [(words, formats or {}) for words, formats in text.diff()]
    old = "".join(words for words, _ in pieces)
    new = "".join(run["text"] for run in runs)
    places = byte_places(old)
    steps = list(_steps(pieces, runs, changes(old, new, effort), carried))
    ends = list(accumulate(len(words) for words, _ in pieces))
    if not effort.take(sum(bisect_right(ends, step.low) for step in steps) // _PASSED):
        steps = list(_steps(pieces, runs, [(0, len(old), 0, len(new))], carried))
    for step in steps:
        low, high = places[step.low], places[step.high]
        if step.words:
            text.insert(low, step.words, step.formats)
        elif step.formats:
            text.format(low, high, step.formats)
        else:
            del text[low:high]


def _steps(
    pieces: Sequence[tuple[str, Mapping[str, Any]]],
    runs: list[Tree],
    edits: list[tuple[int, int, int, int]],
    carried: _Carried,
) -> Iterator[_Step]:
    """Yield what makes runs of pieces, from the end to the start, so that places stay true."""
    old_ends = list(accumulate(len(words) for words, _ in pieces))
    new_ends = list(accumulate(len(run["text"]) for run in runs))
    new = "".join(run["text"] for run in runs)
    kept_end = sum(len(words) for words, _ in pieces)
    for start, end, new_start, new_end in [*reversed(edits), (0, 0, 0, 0)]:
        cuts = _cuts(end, kept_end, old_ends, new_end - end, new_ends)
        for low, high in reversed(list(pairwise(cuts))):
            formats = pieces[bisect_right(old_ends, low)][1]
            run = runs[bisect_right(new_ends, low + new_end - end)]
            change = _difference(formats, run, carried)
            if change:
                yield _Step(low, high, "", change)
        if end > start:
            yield _Step(start, end, "", {})
        # At one place, the last one first.
        for low, high in reversed(list(pairwise(_cuts(new_start, new_end, new_ends, 0, [])))):
            run = runs[bisect_right(new_ends, low)]
            yield _Step(start, start, new[low:high], _formats(run))
        kept_end = start


def _cuts(low: int, high: int, ends: list[int], shift: int, new_ends: list[int]) -> list[int]:
    """Return the places between which both the old text and the new one have the same marks."""
    inner = set(_within(ends, low, high))
    inner |= {end - shift for end in _within(new_ends, low + shift, high + shift)}
    return [low, *sorted(inner), high] if low < high else []


def _within(ends: list[int], low: int, high: int) -> list[int]:
    return ends[bisect_right(ends, low) : bisect_left(ends, high)]


def _difference(formats: Mapping[str, Any], run: Tree, carried: _Carried) -> dict[str, Any]:
    """Return the formats that make a text's marks what is wanted."""
    wanted = {mark["type"]: mark.get("attrs") or {} for mark in run.get("marks", ())}
    change: dict[str, Any] = {}
    there = set()
    for key, value in formats.items():
        name = key.split("--", 1)[0]
        if name not in wanted:
            if name in MARKS:
                change[key] = None
            continue
        there.add(name)
        old = filled(name, value if isinstance(value, Mapping) else {})
        new = {
            k: v if (name, k) in carried else old[k] for k, v in filled(name, wanted[name]).items()
        }
        if new != old:
            change[key] = new
    return change | {
        name: filled(name, attrs) for name, attrs in wanted.items() if name not in there
    }


def _formats(run: Tree) -> dict[str, Any]:
    return {
        mark["type"]: filled(mark["type"], mark.get("attrs") or {}) for mark in run.get("marks", ())
    }
