"""Where panels are shown: from the places where they were put, by pushing and falling.

Nothing of it is stored: who moves a panel writes that panel's place, and the others' follow on
every screen by the same rule, `tests/dashboards/arrange.json` its examples.
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboards.layout.model import COLUMNS, HEIGHT_AT_MOST, Cells, Place


def arrange(places: Mapping[str, Place], held: str | None = None) -> dict[str, Cells]:
    """Let panels fall to the top, one after another, each as far as those before it let it.

    They come in order of `y`, then from left to right, then of their ids. Panels never overlap,
    and what was arranged stays as it is when it is arranged again.

    Args:
        places: Where panels were put, by id.
        held: The panel that somebody drags: it comes before others of the same `y`.

    Returns:
        Where each is shown, in that order.
    """
    # A column's first row that nothing stands in, or below which nothing does.
    free = [0] * COLUMNS
    cells = {}
    for panel in in_order(places, held):
        place = places[panel]
        w = min(max(place.w, 1), COLUMNS)
        h = min(max(place.h, 1), HEIGHT_AT_MOST)
        x = min(max(place.x, 0), COLUMNS - w)
        y = max(free[x : x + w])
        free[x : x + w] = [y + h] * w
        cells[panel] = Cells(x, y, w, h)
    return cells


def in_order(places: Mapping[str, Place], held: str | None = None) -> list[str]:
    """Return the ids of panels in the order in which they are arranged, and read."""
    return sorted(places, key=lambda p: (places[p].y, p != held, places[p].x, p))
