"""The classes that say where a panel is, which the browser's build writes."""

from __future__ import annotations

import re

from dashboards.layout.model import COLUMNS, HEIGHT_AT_MOST, ROWS_AT_MOST
from tests.support import needs

CSS = needs.REPOSITORY / "frontend/static/frontend/css/dashboard-grid.css"


def test_there_is_a_class_for_each_place_that_a_panel_can_have() -> None:
    """No panel stands where no rule puts it."""
    rules = set(re.findall(r"^\.([xywh]\d+)\{--([xywh]):(\d+)\}$", CSS.read_text(), re.MULTILINE))
    sides = {
        "x": range(COLUMNS), "w": range(1, COLUMNS + 1),
        "h": range(1, HEIGHT_AT_MOST + 1), "y": range(ROWS_AT_MOST),
    }  # fmt: skip
    assert rules == {(f"{s}{n}", s, str(n)) for s, numbers in sides.items() for n in numbers}
