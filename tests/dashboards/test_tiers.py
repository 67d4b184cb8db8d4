"""Plans: how finely a question is answered, and from what."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.series.ports import TIERS_MS
from dashboards.series.tiers import POINTS_AT_LEAST, Plan, plan

S, M, H, D = 1000, 60_000, 3_600_000, 86_400_000
NOW = 1_795_600_000_123
KEPT_MS = {0: D, TIERS_MS[0]: 7 * D, TIERS_MS[1]: 90 * D, TIERS_MS[2]: 730 * D}


def kept(width_ms: int) -> int:
    return NOW - KEPT_MS[width_ms]


def for_ever(width_ms: int) -> int:
    return 0


@pytest.mark.parametrize(
    ("span_ms", "pixels", "step_ms", "width_ms"),
    [
        (5 * M, 800, S, 0),
        (H, 800, 5 * S, 0),
        (H, 400, 5 * S, 0),
        (6 * H, 800, 20 * S, 10 * S),
        (D - M, 800, M, M),
        (7 * D - H, 800, 10 * M, M),
        (30 * D, 800, 30 * M, M),
        (89 * D, 800, 2 * H, H),
        (365 * D, 800, 6 * H, H),
        (365 * D, 1, 210 * D, H),
    ],
)
def test_steps_give_at_most_two_points_a_pixel(
    span_ms: int, pixels: int, step_ms: int, width_ms: int
) -> None:
    """The finest that does, read from the widest buckets that say as much."""
    found = plan(NOW - span_ms, NOW, pixels, kept)
    assert (found.step_ms, found.width_ms) == (step_ms, width_ms)


@given(
    st.integers(0, NOW), st.integers(1, 400 * D), st.integers(1, 5000),
    st.one_of(st.none(), st.integers(1, D)), st.integers(0, D),
)  # fmt: skip
@settings(deadline=None)
def test_plans_are_aligned_and_cover_what_was_asked(
    start_ms: int, span_ms: int, pixels: int, step_ms: int | None, spacing_ms: int
) -> None:
    """Whole steps, which a tier divides or raw samples are read; hardly more than asked."""
    found = plan(
        start_ms, start_ms + span_ms, pixels, for_ever, step_ms=step_ms, spacing_ms=spacing_ms
    )
    assert found.start_ms <= start_ms < found.start_ms + found.step_ms
    assert found.end_ms - found.step_ms < start_ms + span_ms <= found.end_ms
    assert found.start_ms % found.step_ms == found.end_ms % found.step_ms == 0
    assert found.width_ms == 0 or found.step_ms % found.width_ms == 0
    if step_ms is None:
        assert found.points <= 2 * pixels + 2


def test_steps_grow_to_what_is_still_kept() -> None:
    """An old hour is answered by the minute, an older one by the hour."""
    old = NOW - 30 * D
    assert plan(old, old + H, 800, kept) == Plan(M, M, old - old % M, old + H - old % M + M)
    older = NOW - 200 * D
    assert plan(older, older + H, 800, kept).step_ms == H
    assert plan(older, older + H, 800, kept, step_ms=15 * S).step_ms == H


def test_what_is_older_than_all_is_read_from_what_is_kept_longest() -> None:
    """The answer begins where numbers do."""
    found = plan(0, NOW, 800, kept)
    assert (found.step_ms, found.width_ms) == (30 * D, H)


def test_an_asked_step_is_kept() -> None:
    """Also one that no tier divides, for a short time; longer, it is rounded up to 10 s."""
    assert plan(NOW - H, NOW, 10, for_ever, step_ms=15 * S).step_ms == 15 * S
    assert plan(NOW - H, NOW, 10, for_ever, step_ms=15 * S).width_ms == 0
    assert plan(NOW - D, NOW, 10, for_ever, step_ms=15 * S).step_ms == 20 * S
    assert plan(NOW - D, NOW, 10, for_ever, step_ms=7 * M).width_ms == M


def test_steps_are_not_finer_than_samples() -> None:
    """Samples of 15 s make no windows of 5 s that are mostly empty; a few points there are."""
    assert plan(NOW - H, NOW, 800, for_ever, spacing_ms=15 * S).step_ms == 30 * S
    assert plan(NOW - H, NOW, 800, for_ever, spacing_ms=S).step_ms == 5 * S
    sparse = plan(NOW - H, NOW, 800, for_ever, spacing_ms=H)
    assert POINTS_AT_LEAST <= sparse.points < 2 * POINTS_AT_LEAST + 2


def test_a_tail_has_the_points_of_the_whole() -> None:
    """Same step and width, from the step that its start is in."""
    whole = plan(NOW - H, NOW, 800, for_ever)
    tail = whole.between(NOW - 7 * S, NOW, now_ms=NOW)
    assert (tail.step_ms, tail.width_ms, tail.end_ms) == (5 * S, 0, whole.end_ms)
    assert (tail.start_ms - whole.start_ms) % 5000 == 0
