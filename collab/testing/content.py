"""What a copy of a document holds, as plain values, whatever the types of its roots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pycrdt

from collab.engine.firewall import Limits, check_state_vector

_CONTEXT = 30
_LONGEST = 200


def content_of(state: bytes) -> dict[str, Any]:
    """Read all that an update holds.

    A room does not say of what type its roots are, so each is read as all of them: as a text with
    formats, as a list, and as a map, under `text`, `items` and `entries` if it is more than one of
    them. Roots without content are left out.

    Args:
        state: A whole state, as a Yjs V1 update.
    """
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(state)
    found = {}
    for name in sorted(doc.keys()):
        text = plain(doc.get(name, type=pycrdt.Text))
        items = plain(doc.get(name, type=pycrdt.Array))
        entries = plain(doc.get(name, type=pycrdt.Map))
        # A text is a list of its characters, too; a list is a text without what is no character.
        letters = all(isinstance(item, str) for item in items)
        readings = {"text": text, "entries": entries}
        if not letters:
            readings["items"] = items
            if isinstance(text, list) and not any(formats for _, formats in text):
                del readings["text"]
        holds = {how: value for how, value in readings.items() if value}
        if len(holds) == 1:
            (found[name],) = holds.values()
        elif holds:
            found[name] = holds
    return found


def clocks_of(state_vector: bytes) -> dict[int, int]:
    """Read how many of each author's edits a copy has, by author."""
    return check_state_vector(state_vector, Limits())


def plain(value: Any) -> Any:
    """Make plain values of a shared type and all in it; maps lose the order of their keys.

    A text is a str, or with formats a list of (piece, formats).
    """
    if isinstance(value, pycrdt.Text | pycrdt.XmlText):
        runs = list(_runs(value))
        if all(isinstance(part, str) and not formats for part, formats in runs):
            return "".join(part for part, _ in runs)
        return runs
    if isinstance(value, pycrdt.Map):
        return {key: plain(one) for key, one in sorted(value.items())}
    if isinstance(value, pycrdt.Array):
        return [plain(one) for one in value]
    if isinstance(value, pycrdt.XmlElement):
        pairs: Any = value.attributes
        return {"tag": value.tag, "attributes": dict(sorted(pairs)), "children": _children(value)}
    if isinstance(value, pycrdt.XmlFragment):
        return _children(value)
    return value


def _runs(text: pycrdt.Text | pycrdt.XmlText) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield what a text holds, as pieces with formats; what has the same ones is one piece."""
    run, formats_of_run = "", None
    for part, formats in ((part, formats or {}) for part, formats in text.diff()):
        if run and (formats != formats_of_run or not isinstance(part, str)):
            yield run, formats_of_run or {}
            run = ""
        if isinstance(part, str):
            run, formats_of_run = run + part, formats
        else:
            yield plain(part), formats
    if run:
        yield run, formats_of_run or {}


def _children(parent: pycrdt.XmlElement | pycrdt.XmlFragment) -> list[Any]:
    return [plain(child) for child in parent.children]


def differences(one: Any, other: Any, place: str = "") -> Iterator[str]:
    """Tell where two plain values differ: `text[12]: 'a' here, 'b' there`; nothing if nowhere."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys(), key=str):
            where = f"{place}.{key}" if place else str(key)
            if key not in one or key not in other:
                there = _shown(one.get(key, other.get(key)))
                yield f"{where}: {there} {'there' if key in other else 'here'} only"
            else:
                yield from differences(one[key], other[key], where)
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        yield from _in_lists(one, other, place)
    elif isinstance(one, str) and isinstance(other, str):
        if one != other:
            at = next(
                (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
                min(len(one), len(other)),
            )
            around = slice(max(0, at - _CONTEXT), at + _CONTEXT)
            yield f"{place}[{at}]: {one[around]!r} here, {other[around]!r} there"
    elif one != other:
        yield f"{place}: {_shown(one)} here, {_shown(other)} there"


def _in_lists(one: Any, other: Any, place: str) -> Iterator[str]:
    for at, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            # What follows is mostly the same, moved.
            yield from differences(mine, theirs, f"{place}[{at}]")
            return
    if len(one) != len(other):
        at = min(len(one), len(other))
        longer, where = (one, "here") if len(one) > at else (other, "there")
        yield f"{place}[{at}]: {_shown(longer[at])} {where} only"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
