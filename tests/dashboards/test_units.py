"""Numbers as people read them; the browser's own code is tested on the same cases."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.series.units import UNITS, shown

CASES = json.loads(Path(__file__).with_name("units.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['value']} {case['unit']}")
def test_numbers_are_shown(case: dict[str, Any]) -> None:
    """With their unit, in a size that fits, rounded."""
    assert shown(case["value"], case["unit"], case["decimals"]) == case["shown"]


@given(st.floats(), st.sampled_from([*UNITS, "rpm"]), st.one_of(st.none(), st.integers(0, 10)))
@settings(deadline=None)
def test_every_number_can_be_shown(value: float, unit: str, decimals: int | None) -> None:
    """In one line that says whether it is less than nothing."""
    text = shown(value, unit, decimals)
    assert text
    assert "\n" not in text
    if text.startswith("-"):
        assert value < 0
    if not math.isfinite(value):
        assert text in ("–", "∞", "-∞")
