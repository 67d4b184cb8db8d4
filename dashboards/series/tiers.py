"""How finely a question is answered, and from which of the widths that a store keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dashboards.series.ports import TIERS_MS
from dashboards.series.ranges import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

STEPS_MS = (
    *(SECOND_MS * n for n in (1, 2, 5, 10, 20, 30)),
    *(MINUTE_MS * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR_MS * n for n in (1, 2, 3, 6, 12)),
    *(DAY_MS * n for n in (1, 2, 7, 30)),
)
"""Steps that are chosen by themselves, finest first; from 10 s on a tier divides each."""

RAW_SPAN_AT_MOST_MS = 6 * HOUR_MS
"""Longest span that is read from raw samples for the sake of a step that no tier divides."""

POINTS_AT_LEAST = 30
"""Steps do not grow for the sake of samples that are far apart until there are fewer points."""

KeptSince = Callable[[int], int]
"""`MetricStore.kept_since_ms`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read, and where the points of an answer are.

    Points are `step_ms` apart, from `start_ms` to before `end_ms`, all three multiples of the step
    and of `width_ms`: the width of the buckets to read, 0 for raw samples. So two plans of the same
    step and width have the same points where they overlap.

    `now_ms` is when it is asked, None for whole windows: the window that is still running then is
    not whole yet, and what it says is corrected for that (see `functions`).
    """

    width_ms: int
    step_ms: int
    start_ms: int
    end_ms: int
    now_ms: int | None = None

    @property
    def points(self) -> int:
        """How many points each line has."""
        return (self.end_ms - self.start_ms) // self.step_ms

    def between(self, start_ms: int, end_ms: int, *, now_ms: int | None = None) -> Plan:
        """Return a plan of the same step and width for another span, such as the tail of this."""
        return replace(
            self,
            start_ms=_floor(start_ms, self.step_ms),
            end_ms=_ceil(max(end_ms, start_ms + 1), self.step_ms),
            now_ms=now_ms,
        )


def plan(
    start_ms: int,
    end_ms: int,
    pixels: int,
    kept_since: KeptSince,
    *,
    step_ms: int | None = None,
    spacing_ms: int = 0,
    now_ms: int | None = None,
) -> Plan:
    """Choose the finest step that gives at most two points a pixel, and the width to read.

    Of the widths that divide the step, the widest that is kept since the start is read: buckets
    have count, sum, min, max, last and increase, so it says the same as finer ones at less cost.
    Where none is kept so long, the step grows until one is; where no tier is, what is kept longest
    is read, and the answer begins there.

    Args:
        start_ms: Unix time; the plan begins at most a step earlier.
        end_ms: Unix time, not in it; the plan ends at most a step later.
        pixels: How wide the chart is.
        kept_since: Of the store.
        step_ms: A step that was asked for; it grows where what is kept demands it.
        spacing_ms: How far apart the samples are. Steps hardly longer than that have windows
            without any, which look like gaps.
        now_ms: When it is asked; None has every window taken for whole.
    """
    span_ms = max(end_ms - start_ms, 1)
    if step_ms is not None:
        steps = _asked(step_ms, span_ms)
    else:
        # A step and a half, so that a sample that is late does not leave a window empty.
        sparse_ms = min(spacing_ms * 3 // 2, span_ms // POINTS_AT_LEAST)
        least_ms = max(-(-span_ms // max(2 * pixels, 1)), sparse_ms)
        steps = [step for step in STEPS_MS if step >= least_ms]
        steps = steps or [_ceil(least_ms, STEPS_MS[-1])]
    step, width = _kept(steps, start_ms, kept_since)
    whole = Plan(width, step, 0, step)
    return whole.between(start_ms, end_ms, now_ms=now_ms)


def _asked(step_ms: int, span_ms: int) -> list[int]:
    """Return a step that was asked for, and those that may stand in for it."""
    if _widths(step_ms) == [0] and span_ms > RAW_SPAN_AT_MOST_MS:
        step_ms = _ceil(step_ms, TIERS_MS[0])
    return [step_ms, *(_ceil(step_ms, width) for width in TIERS_MS if step_ms % width)]


def _widths(step_ms: int) -> list[int]:
    """Return the widths that divide a step, widest first, raw samples last."""
    return [*(width for width in reversed(TIERS_MS) if step_ms % width == 0), 0]


def _kept(steps: list[int], start_ms: int, kept_since: KeptSince) -> tuple[int, int]:
    since = {width: kept_since(width) for width in (0, *TIERS_MS)}
    for step in steps:
        for width in _widths(step):
            if since[width] <= start_ms:
                return step, width
    longest = min(since.values())
    for step in steps:
        for width in _widths(step):
            if since[width] == longest:
                return step, width
    return steps[0], _widths(steps[0])[0]


def _floor(at_ms: int, step_ms: int) -> int:
    return at_ms - at_ms % step_ms


def _ceil(at_ms: int, step_ms: int) -> int:
    return -(-at_ms // step_ms) * step_ms
