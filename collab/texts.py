"""Shared texts: their smallest change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from collab.align import Effort, changes


def change_text(text: Any, wanted: str, effort: Effort | None = None) -> None:
    """Make a `pycrdt.Text` what is wanted: only the words that differ are written.

    What others type in it meanwhile stays where it belongs.
    """
    old, new = str(text), whole(wanted)
    places = byte_places(old)
    for start, end, new_start, new_end in reversed(changes(old, new, effort or Effort())):
        if end > start:
            del text[places[start] : places[end]]
        if new_end > new_start:
            text.insert(places[start], new[new_start:new_end])


def whole(text: str) -> str:
    """Replace halves of surrogate pairs, which no encoding can hold."""
    return (
        text
        if text.isascii()
        else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    )


def byte_places(text: str) -> Sequence[int]:
    """Return the place of each code point in UTF-8, which is how a text is indexed."""
    if text.isascii():
        return range(len(text) + 1)
    return [0, *accumulate(len(character.encode()) for character in text)]
