"""Ticks: what all panels of a dashboard may read and hold together is bounded."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from dashboards import ticks
from dashboards.hub import Hub
from dashboards.ingest.readings import Reading
from dashboards.layout.model import Layout, Panel, PanelKind, Place, QuerySpec
from dashboards.news import News
from dashboards.selection import Selection
from dashboards.series.memory import MemoryMetricStore

NOW_MS = 1_790_000_000_000
SERIES, POINTS = 10, 152
SHOWN = Selection(start="now-5m")


@pytest.fixture
def store() -> MemoryMetricStore:
    """Ten series, a number a second of each: five minutes are 150 points, 2 s apart."""
    found = MemoryMetricStore()
    found.record(
        Reading("cpu", (("host", str(n)),), 1.0, NOW_MS + 1000 * second)
        for n in range(SERIES)
        for second in range(-300, 62)
    )
    return found


def layout(panels: int) -> Layout:
    """A dashboard of charts, each with a line for each series."""
    made = {}
    for number in range(panels):
        key = f"panel{number:05d}"
        query = QuerySpec("cpu", function="last")
        place = Place(0, float(number), 6, 4)
        made[key] = Panel(key, PanelKind.TIMESERIES, "", place, {"a": query})
    return Layout("All of it", made)


def lines(tick: ticks.Tick) -> list[int]:
    """Return how many lines each panel shows."""
    return [len(stream.chart.keys) for stream in tick.streams.values()]


def test_panels_share_what_a_dashboard_may_read(store: MemoryMetricStore, settings: Any) -> None:
    """Who asks after it is used up is told so, also later; what fits goes on."""
    settings.COLLAB_QUERY_POINTS = SERIES * POINTS + 100
    tick = ticks.advance(None, "any", layout(5), SHOWN, store, now_ms=NOW_MS)
    assert lines(tick) == [SERIES] * 3 + [0] * 2
    assert tick.points <= ticks.points_at_most()
    for later_ms in (1000, 2000, 61_000):
        at_ms = NOW_MS + later_ms
        news = News(frozenset(["cpu"]), at_ms)
        tick = ticks.advance(tick, "any", layout(5), SHOWN, store, now_ms=at_ms, news=news)
        assert lines(tick) == [SERIES] * 3 + [0] * 2
    for panel in list(tick.streams)[3:]:
        assert "together" in tick.values_of(panel)


def test_a_panel_that_is_removed_leaves_room_for_another(
    store: MemoryMetricStore, settings: Any
) -> None:
    """With the next look at everything."""
    settings.COLLAB_QUERY_POINTS = SERIES * POINTS + 100
    whole = layout(4)
    tick = ticks.advance(None, "any", whole, SHOWN, store, now_ms=NOW_MS)
    assert lines(tick) == [SERIES] * 3 + [0]
    rest = replace(whole, panels=dict(list(whole.panels.items())[1:]))
    tick = ticks.advance(tick, "any", rest, SHOWN, store, now_ms=NOW_MS + 5000, every=True)
    assert lines(tick) == [SERIES] * 3


@pytest.mark.parametrize(
    ("costs_s", "period_s"),
    [
        ([], 0.25),
        ([0.01] * 5, 0.25),
        ([0.1], 0.4),
        ([0.1] * 2, 0.8),
        ([0.3], 1.0),
        ([0.3] * 3, 1.8),
    ],
)
def test_ticks_come_as_often_as_they_can_be_paid(costs_s: list[float], period_s: float) -> None:
    """Four times a second to once, and more seldom only where all together would take a core."""
    groups = [SimpleNamespace(cost_s=cost_s, is_live=True) for cost_s in costs_s]
    idle = SimpleNamespace(cost_s=9.0, is_live=False)
    found = Hub.period_s.fget(SimpleNamespace(groups=[*groups, idle]))  # type: ignore[attr-defined]
    assert found == pytest.approx(period_s)
