"""Ranges of time as people write them: `now-6h` to `now`, `now-1d/d`, ISO 8601, Unix milliseconds.

    moment   = "now" *step | ISO 8601 | Unix ms
    step     = ("-" | "+") number unit | "/" unit          units: s m h d w M y
    duration = 1*(number unit)                             units: ms s m h d w

`/d` goes to where the day begins, in the range's time zone, and as the end of a range to where it
ends. Days, weeks, months and years are the calendar's, so that `now-1d` is this time yesterday also
when a clock was changed in between. A week begins on Monday.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
LATEST_MS = 253_402_214_400_000
"""The last day of the year 9999, where Python's calendar ends; ranges begin in 1970 at first."""

_EXACT_MS = {"s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS}
_DURATIONS_MS = {"ms": 1, **_EXACT_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_STEP = re.compile(r"([+-])([0-9]{1,6})([smhdwMy])|/([smhdwMy])")
_DURATION = re.compile(r"([0-9]{1,15})(ms|[smhdw])")
_PROBE_MS = 1_765_800_000_000
_WORDS_LENGTH = 60


class BadRange(ValueError):
    """What was given is no range of time; the text is a sentence for a person."""


class BadDuration(ValueError):
    """What was given is no duration; the text is a sentence for a person."""


class Step(NamedTuple):
    """Go by an amount of a unit, or, with an amount of 0, to where the unit begins or ends."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that is fixed, or steps from now."""

    fixed_ms: int | None
    steps: tuple[Step, ...] = ()

    @classmethod
    def parse(cls, text: str, zone: ZoneInfo) -> Moment:
        """Read a moment.

        Raises:
            BadRange: it is none.
        """
        text = text.strip()
        if text.startswith("now"):
            return cls(None, _steps(text))
        fixed_ms = int(text) if re.fullmatch(r"[0-9]{1,16}", text) else _iso_ms(text, zone)
        if fixed_ms is None or not 0 <= fixed_ms <= LATEST_MS:
            raise _not_a_time(text)
        return cls(fixed_ms)

    def resolve(self, now_ms: int, zone: ZoneInfo, *, up: bool = False) -> int:
        """Return the Unix time (ms) that it is; `up` takes `/d` to where the day ends."""
        if self.fixed_ms is not None:
            return self.fixed_ms
        at_ms = now_ms
        for step in self.steps:
            at_ms = _gone(at_ms, step, zone) if step.amount else _rounded(at_ms, step, zone, up=up)
        return min(max(at_ms, 0), LATEST_MS)


@dataclass(frozen=True, slots=True)
class Range:
    """From one moment to another, in a time zone."""

    start: Moment
    end: Moment
    zone: ZoneInfo

    @classmethod
    def parse(cls, start: str, end: str, zone: ZoneInfo) -> Range:
        """Read a range.

        Raises:
            BadRange: one of the two is no time, or the end is not after the start.
        """
        found = cls(Moment.parse(start, zone), Moment.parse(end, zone), zone)
        both_alike = (found.start.fixed_ms is None) == (found.end.fixed_ms is None)
        if both_alike and not found._start_ms(_PROBE_MS) < found._end_ms(_PROBE_MS):
            raise BadRange(f"{_quoted(start)} is not before {_quoted(end)}.")
        return found

    def resolve(self, now_ms: int) -> tuple[int, int]:
        """Return the start and the end as Unix time (ms); they are at least a second apart."""
        start_ms = self._start_ms(now_ms)
        return start_ms, max(self._end_ms(now_ms), start_ms + SECOND_MS)

    @property
    def is_live(self) -> bool:
        """Whether it ends now, or where the hour, day or such that is running ends."""
        return self.end.fixed_ms is None and all(step.amount >= 0 for step in self.end.steps)

    def _start_ms(self, now_ms: int) -> int:
        return self.start.resolve(now_ms, self.zone)

    def _end_ms(self, now_ms: int) -> int:
        return self.end.resolve(now_ms, self.zone, up=True)


def duration_ms(text: str) -> int:
    """Read a duration such as `5m`, `1h30m` or `500ms`.

    Raises:
        BadDuration: it is none, or nothing, or longer than ranges can be.
    """
    text = text.strip()
    parts = _DURATION.findall(text)
    total = sum(int(number) * _DURATIONS_MS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not 0 < total <= LATEST_MS:
        raise BadDuration(f"{_quoted(text)} is not a time such as 30s, 5m or 1h.")
    return total


def duration_text(duration: int) -> str:
    """Write a duration (ms) so that `duration_ms` reads it, in the largest unit that fits."""
    unit = next(u for u in ("d", "h", "m", "s", "ms") if duration % _DURATIONS_MS[u] == 0)
    return f"{duration // _DURATIONS_MS[unit]}{unit}"


def _steps(text: str) -> tuple[Step, ...]:
    rest, place = text.removeprefix("now"), 0
    steps: list[Step] = []
    while place < len(rest):
        found = _STEP.match(rest, place)
        if found is None or len(steps) == 8:
            raise _not_a_time(text)
        sign, number, unit, begin = found.groups()
        amount = int(sign + number) if number else 0
        if begin or amount:
            steps.append(Step(amount, begin or unit))
        place = found.end()
    return tuple(steps)


def _iso_ms(text: str, zone: ZoneInfo) -> int | None:
    try:
        at = datetime.fromisoformat(text)
        return _ms(at if at.tzinfo else at.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        return None


def _ms(at: datetime) -> int:
    """Return Unix time, exactly."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _local(at_ms: int, zone: ZoneInfo) -> datetime:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(max(at_ms, 0), LATEST_MS))
    return at.astimezone(zone)


def _gone(at_ms: int, step: Step, zone: ZoneInfo) -> int:
    """Go a step by the calendar; beyond its ends, to them."""
    exact = _EXACT_MS.get(step.unit)
    if exact is not None:
        return at_ms + step.amount * exact
    at = _local(at_ms, zone)
    try:
        if step.unit in "dw":
            # The same clock's time on another day: arithmetic within a zone leaves the offset.
            return _ms(at + timedelta(days=step.amount * (7 if step.unit == "w" else 1)))
        months = at.year * 12 + at.month - 1 + step.amount * (12 if step.unit == "y" else 1)
        year, month = divmod(months, 12)
        day = min(at.day, calendar.monthrange(year, month + 1)[1])
        return _ms(at.replace(year=year, month=month + 1, day=day))
    except (ValueError, OverflowError):
        return 0 if step.amount < 0 else LATEST_MS


def _rounded(at_ms: int, step: Step, zone: ZoneInfo, *, up: bool) -> int:
    at = _local(at_ms, zone)
    if step.unit in "smh":
        # Offsets of whole minutes: an hour begins where the zone's clock shows one.
        fields = {"s": 0, "m": at.second, "h": at.second + 60 * at.minute}
        begin_ms = at_ms - at_ms % SECOND_MS - fields[step.unit] * SECOND_MS
    else:
        begin = at.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if step.unit == "w":
            begin -= timedelta(days=begin.weekday())
        elif step.unit == "M":
            begin = begin.replace(day=1)
        elif step.unit == "y":
            begin = begin.replace(month=1, day=1)
        begin_ms = _ms(begin)
    return _gone(begin_ms, Step(1, step.unit), zone) if up else begin_ms


def _not_a_time(text: str) -> BadRange:
    return BadRange(
        f"{_quoted(text)} is not a time: write now, now-6h, now-1d/d, an ISO 8601 time such as "
        "2026-11-25T12:00, or Unix time in milliseconds."
    )


def _quoted(text: str) -> str:
    return f"“{text[:_WORDS_LENGTH]}”"
