"""The rooms that `collab convergence` edits."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest

from collab.testing.deployment.rooms import ROOMS, ScratchRoom

PEERS = 100


@pytest.mark.parametrize("room", ROOMS.values(), ids=ROOMS.keys())
def test_every_place_that_is_edited_is_in_what_is_compared_as_stored(room: ScratchRoom) -> None:
    """Else a check of what a site stored would pass whatever it stored."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    if (seed := room.seed(PEERS)) is not None:
        doc.apply_update(seed)
    for number in (0, 1, PEERS - 1):
        values, key = room.own(doc, number)
        before = room.as_stored(doc)
        values[key] = f"by {number}"
        assert room.value_in(room.content(doc), number) == f"by {number}"
        assert room.as_stored(doc) != before
    for key in room.contested:
        before = room.as_stored(doc)
        room.shared(doc)[key] = "by all"
        assert room.as_stored(doc) != before
    before = room.as_stored(doc)
    room.text(doc).insert(0, "<a1>")
    assert room.as_stored(doc) != before
