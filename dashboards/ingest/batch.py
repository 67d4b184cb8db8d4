"""The readings of one body, and what of it was refused; the bounds that all formats share."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from math import isfinite, isnan
from typing import NamedTuple, Protocol

from dashboards.ingest.errors import TooLarge, Unfit
from dashboards.ingest.readings import Kind, Labels, Reading

NAME_LENGTH = 255
LABELS = 32
LABEL_NAME_LENGTH = 100
LABEL_VALUE_LENGTH = 512
# All names and values of a series: it is held in memory as long as the series is written to.
LABELS_LENGTH = 4096
UNIT_LENGTH = 20
# One line or object: bounds what parsers that go through it more than once can cost.
LINE_BYTES = 16 * 2**10

# 2000-01-01: what is older comes from a clock that was never set, or from a wrong precision.
OLDEST_MS = 946_684_800_000
# A clock may be ahead by so much. A later sample would hide all that come after it as the newest.
AHEAD_MS = 10 * 60 * 1000

# Senders log an answer: more would not be read.
REFUSALS_NAMED = 20
READINGS = 100_000
# Comments and empty lines are lines as well.
_LINES_PER_READING = 4

# What breaks lines and terminals, half characters that no UTF-8 can hold, and what turns the
# direction of the text after it. The first two PostgreSQL refuses as well.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_STALE = struct.pack(">Q", 0x7FF0000000000002)


class Refusal(NamedTuple):
    """What was not stored, and why. `line` counts from 1; None where the format has no lines."""

    line: int | None
    message: str


class Keeping(Protocol):
    """How long numbers are kept: what comes later than that would be deleted at once."""

    @property
    def all_since_ms(self) -> int:
        """From when on every metric's numbers are kept."""

    def since_ms(self, name: str) -> int:
        """Return from when on a metric's numbers are kept."""


class Batch:
    """Readings of one body, in its order.

    Args:
        now_ms: When it came: the time of what has none, and the base of what is the future.
        most: Readings that it may have.
        keeping: How long numbers are kept; None for all of them.
    """

    def __init__(
        self, now_ms: int, *, most: int = READINGS, keeping: Keeping | None = None
    ) -> None:
        self.now_ms = now_ms
        self.readings: list[Reading] = []
        self.refused = 0
        self.refusals: list[Refusal] = []
        self.not_numbers = 0
        """Readings left out because they are NaN or infinite."""
        self.texts = 0
        """Values left out because they are texts, which some formats have beside numbers."""
        self.most = most
        self._newest_ms = now_ms + AHEAD_MS
        self._keeping = keeping
        self._oldest_ms = max(OLDEST_MS, 0 if keeping is None else keeping.all_since_ms)

    def add(
        self,
        name: str,
        labels: Labels,
        value: float,
        at_ms: int,
        kind: Kind = Kind.GAUGE,
        unit: str = "",
    ) -> bool:
        """Add a reading whose name, labels and unit were checked.

        Returns:
            False if its value is none: a stale marker of Prometheus, or counted in `not_numbers`.

        Raises:
            Unfit: the time is not plausible.
            TooLarge: the body has more readings than one may have.
        """
        if not self._oldest_ms <= at_ms <= self._newest_ms:
            self._check_time(name, at_ms)
        if not isfinite(value):
            self.not_numbers += not is_stale(value)
            return False
        readings = self.readings
        if len(readings) >= self.most:
            raise self.too_large()
        readings.append(Reading(name, labels, value, at_ms, kind, unit))
        return True

    def check_time(self, name: str, at_ms: int) -> None:
        """Raise Unfit if a time is not plausible, or over for a metric."""
        if not self._oldest_ms <= at_ms <= self._newest_ms:
            self._check_time(name, at_ms)

    def _check_time(self, name: str, at_ms: int) -> None:
        if at_ms < OLDEST_MS:
            raise Unfit("its time is before the year 2000; check the unit or precision of times")
        if at_ms > self._newest_ms:
            raise Unfit("its time is more than 10 minutes in the future; check the sender's clock")
        if self._keeping is not None and at_ms < self._keeping.since_ms(name):
            raise Unfit("its time is longer ago than numbers of this metric are kept")

    @contextmanager
    def together(self) -> Iterator[None]:
        """Add what belongs together: all of it or, where something is unfit, nothing."""
        before = len(self.readings)
        try:
            yield
        except Unfit:
            del self.readings[before:]
            raise

    def too_large(self) -> TooLarge:
        """Return the error of a body that has more readings than one may have."""
        return TooLarge(f"A request may have {self.most} values at most; send smaller ones.")

    def check_lines(self, body: bytes) -> None:
        """Raise TooLarge if a body has far more lines than it may have readings."""
        if body.count(b"\n") > _LINES_PER_READING * self.most:
            raise self.too_large()

    def refuse(self, line: int | None, message: str, *, count: int = 1) -> None:
        """Note what is not stored. All is counted, the first ones are named.

        Raises:
            TooLarge: more is refused than may be stored; reading on would only cost time.
        """
        self.refused += count
        if self.refused > self.most:
            raise self.too_large()
        if len(self.refusals) < REFUSALS_NAMED:
            self.refusals.append(Refusal(line, message))


def is_stale(value: float) -> bool:
    """Tell whether a value is the NaN by which Prometheus marks that a series ended."""
    return isnan(value) and struct.pack(">d", value) == _STALE


def as_number(value: float) -> float:
    """Turn an int of any size into a float; one too large for it is infinite."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")


@lru_cache(maxsize=8192)
def checked_name(name: str) -> str:
    """Return a metric's name. Raises Unfit if it cannot be one."""
    if not name or len(name) > NAME_LENGTH:
        raise Unfit(f"the name must have 1 to {NAME_LENGTH} characters")
    if _CONTROL.search(name) or name != name.strip():
        raise Unfit("the name has control characters, or spaces around it")
    return name


# The labels of a process's series come again and again: looking them up is cheaper than checking
# them, and equal ones being one object makes comparing them fast wherever they are keys.
@lru_cache(maxsize=16_384)
def checked_labels(pairs: tuple[tuple[str, str], ...]) -> Labels:
    """Sort labels by name and leave out empty values.

    Raises:
        Unfit: too many, too long, a name twice, or control characters.
    """
    labels = tuple(sorted(pair for pair in pairs if pair[1]))
    if len(labels) > LABELS:
        raise Unfit(f"it has more than {LABELS} labels")
    length = 0
    last = None
    for name, value in labels:
        if not name or len(name) > LABEL_NAME_LENGTH:
            raise Unfit(f"a label's name must have 1 to {LABEL_NAME_LENGTH} characters")
        if len(value) > LABEL_VALUE_LENGTH:
            raise Unfit(
                f"the value of the label {_short(name)} is longer than "
                f"{LABEL_VALUE_LENGTH} characters"
            )
        if _CONTROL.search(name) or _CONTROL.search(value) or name != name.strip():
            raise Unfit(f"the label {_short(name)} has control characters, or spaces around it")
        if name == last:
            raise Unfit(f"it has the label {_short(name)} twice")
        last = name
        length += len(name) + len(value)
    if length > LABELS_LENGTH:
        raise Unfit(f"its labels have more than {LABELS_LENGTH} characters")
    return labels


@lru_cache(maxsize=16_384)
def with_label(labels: Labels, name: str, value: str) -> Labels:
    """Return checked labels with one set, such as a bucket's `le`."""
    return checked_labels((*(pair for pair in labels if pair[0] != name), (name, value)))


@lru_cache(maxsize=1024)
def checked_unit(unit: str) -> str:
    """Return a unit. Raises Unfit if it cannot be one."""
    if len(unit) > UNIT_LENGTH or _CONTROL.search(unit):
        raise Unfit(f"the unit must have {UNIT_LENGTH} characters at most")
    return unit


def clean_value(value: object) -> str:
    """Make of anything what a label's value may be."""
    return _CONTROL.sub("", str(value)[:LABEL_VALUE_LENGTH])


def shown(names: Iterable[str]) -> str:
    """Name things in a message, quoted and shortened: they come from outside."""
    return ", ".join(_short(name) for name in names)


def _short(text: str) -> str:
    clean = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    return f"“{clean[:40]}…”" if len(clean) > 40 else f"“{clean}”"
