"""Where panels are shown: the examples that the page's own code is held to, too, and any other."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.layout.arrange import arrange
from dashboards.layout.model import COLUMNS, HEIGHT_AT_MOST, ROWS_AT_MOST, Cells, Place

EXAMPLES = json.loads((Path(__file__).parent / "arrange.json").read_text())["cases"]

places = st.dictionaries(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=10, max_size=10),
    st.builds(
        Place,
        x=st.integers(-2, COLUMNS),
        y=st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 20).map(float),
        w=st.integers(0, COLUMNS + 2),
        h=st.integers(0, HEIGHT_AT_MOST + 2),
    ),
    max_size=60,
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_panels_stand_where_the_examples_say(example: dict[str, Any]) -> None:
    """Page and server show the same grid."""
    cells = arrange({key: Place(*p) for key, p in example["places"].items()}, example["held"])
    assert {key: [c.x, c.y, c.w, c.h] for key, c in cells.items()} == example["cells"]


@given(places)
def test_panels_never_overlap_and_stay_in_the_grid(put: dict[str, Place]) -> None:
    """However panels were put, each has its cells for itself."""
    cells = arrange(put)
    assert cells.keys() == put.keys()
    for one in cells.values():
        assert one.w >= 1
        assert 1 <= one.h <= HEIGHT_AT_MOST
        assert 0 <= one.x <= COLUMNS - one.w
        assert 0 <= one.y <= ROWS_AT_MOST - one.h
    for one, other in combinations(cells.values(), 2):
        assert (
            one.x + one.w <= other.x
            or other.x + other.w <= one.x
            or one.y + one.h <= other.y
            or other.y + other.h <= one.y
        )


@given(places)
def test_panels_that_were_arranged_stay_where_they_are(put: dict[str, Place]) -> None:
    """Nothing moves because the page was loaded again, or because of the order panels came in."""
    cells = arrange(put)
    assert arrange(dict(reversed(put.items()))) == cells
    assert arrange({key: Place(c.x, c.y, c.w, c.h) for key, c in cells.items()}) == cells


@given(places)
def test_no_panel_could_stand_higher(put: dict[str, Place]) -> None:
    """What is not at the top stands on another."""
    cells = arrange(put)

    def carries(below: Cells, one: Cells) -> bool:
        apart = below.x + below.w <= one.x or one.x + one.w <= below.x
        return below.y + below.h == one.y and not apart

    for one in cells.values():
        assert one.y == 0 or any(carries(other, one) for other in cells.values())
