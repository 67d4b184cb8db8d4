"""Ranges of time, as people write them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.series.ranges import (
    LATEST_MS,
    BadDuration,
    BadRange,
    Range,
    duration_ms,
    duration_text,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_MS = 3_600_000


def ms(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


NOW = ms("2026-11-25T12:34:56")


@pytest.mark.parametrize(
    ("start", "end", "from_", "to"),
    [
        ("now-6h", "now", "2026-11-25T06:34:56", "2026-11-25T12:34:56"),
        ("now-90s", "now-30s", "2026-11-25T12:33:26", "2026-11-25T12:34:26"),
        ("now-1d/d", "now-1d/d", "2026-11-24T00:00:00", "2026-11-25T00:00:00"),
        ("now/d", "now", "2026-11-25T00:00:00", "2026-11-25T12:34:56"),
        ("now/d", "now/d", "2026-11-25T00:00:00", "2026-11-26T00:00:00"),
        ("now/w", "now/w", "2026-11-23T00:00:00", "2026-11-30T00:00:00"),
        ("now-1M/M", "now-1M/M", "2026-10-01T00:00:00", "2026-11-01T00:00:00"),
        ("now/y", "now/y", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("now/h", "now/h", "2026-11-25T12:00:00", "2026-11-25T13:00:00"),
        ("now-5m/m", "now", "2026-11-25T12:29:00", "2026-11-25T12:34:56"),
        ("now-1d-2h+30m", "now", "2026-11-24T11:04:56", "2026-11-25T12:34:56"),
        ("2026-11-25", "2026-11-25T06:00", "2026-11-25T00:00:00", "2026-11-25T06:00:00"),
    ],
)
def test_ranges_mean_what_they_say(start: str, end: str, from_: str, to: str) -> None:
    """In the range's time zone; a rounded end is where the unit ends."""
    assert Range.parse(start, end, BERLIN).resolve(NOW) == (ms(from_), ms(to))


def test_times_may_be_absolute() -> None:
    """With a zone of their own, or as Unix milliseconds."""
    found = Range.parse("2026-11-25T12:00:00Z", "1795610000000", BERLIN)
    assert found.resolve(NOW) == (ms("2026-11-25T12:00", ZoneInfo("UTC")), 1_795_610_000_000)


def test_days_are_those_of_the_calendar() -> None:
    """Where a clock was put back, yesterday at noon is 25 hours ago, and the day has as many."""
    after = ms("2026-10-25T12:00")
    assert Range.parse("now-1d", "now", BERLIN).resolve(after) == (after - 25 * HOUR_MS, after)
    day = Range.parse("now/d", "now/d", BERLIN).resolve(after)
    assert day[1] - day[0] == 25 * HOUR_MS
    march = ms("2026-03-31T12:00")
    assert Range.parse("now-1M", "now", BERLIN).resolve(march)[0] == ms("2026-02-28T12:00")


def test_only_ranges_that_end_now_are_live() -> None:
    """Or where what is running ends."""
    ends = {"now": True, "now/d": True, "now-1m": False, "2026-11-25": False, "now-1d/d": False}
    assert {end: Range.parse("now-1y", end, BERLIN).is_live for end in ends} == ends


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("yesterday", "now"), ("now-6", "now"), ("now-6x", "now"), ("now6h", "now"), ("", "now"),
        ("now", "now-1h"), ("now", "now"), ("2026-11-25", "2026-11-24"), ("2026-13-01", "now"),
        ("-5", "now"), (str(LATEST_MS + 1), "now"), ("now-1h" * 100, "now"), ("now//d", "now"),
        ("0001-01-01", "now"), ("now-1h\0", "now"), ("１２", "now"),
    ],
)  # fmt: skip
def test_what_is_no_range_is_refused_with_a_sentence(start: str, end: str) -> None:
    """It names what was written, at a bounded length."""
    with pytest.raises(BadRange, match=r"^“.{0,60}” is not .*\.$") as refused:
        Range.parse(start, end, BERLIN)
    assert len(str(refused.value)) < 250


@given(st.text(max_size=20), st.sampled_from(["now", "now-1h/h", "2026-01-01", "5"]))
@settings(deadline=None)
def test_any_text_is_a_range_or_refused(text: str, end: str) -> None:
    """And one that is taken has a start before its end, whenever it is asked."""
    try:
        found = Range.parse("now" + text, end, BERLIN)
    except BadRange:
        return
    for now_ms in (0, NOW, LATEST_MS):
        start_ms, end_ms = found.resolve(now_ms)
        assert 0 <= start_ms < end_ms


def test_steps_beyond_the_calendar_end_there() -> None:
    """A range of ten thousand years begins in 1970."""
    start = Range.parse("now-999999y", "now", BERLIN).resolve(NOW)[0]
    assert start == 0
    assert Range.parse("now", "now+999999y", BERLIN).resolve(NOW)[1] == LATEST_MS


@given(st.integers(1, 10**12))
@settings(deadline=None)
def test_durations_are_read_as_they_are_written(duration: int) -> None:
    """In the largest unit that fits."""
    assert duration_ms(duration_text(duration)) == duration


def test_durations_add_up() -> None:
    """An hour and a half; what is none is refused."""
    assert duration_ms("1h30m") == 90 * 60_000
    assert duration_ms(" 500ms ") == 500
    for text in ("", "5", "m", "-5m", "5 m", "0s", "1h30", "5M", "9" * 15 + "w"):
        with pytest.raises(BadDuration):
            duration_ms(text)
