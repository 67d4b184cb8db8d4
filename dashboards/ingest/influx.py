"""Influx's line protocol, as version 2 of its API takes it.

    measurement,tag=value field=1.5,other=2i 1764064800000000000

A field becomes the metric `<measurement>_<field>`, one named `value` the metric `<measurement>`.
Tags are labels. True is 1, false is 0; texts are not numbers, they are counted and left out.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import Any

from line_protocol_parser import LineFormatError, parse_line

from dashboards.ingest.batch import LINE_BYTES, Batch, as_number, checked_labels, checked_name
from dashboards.ingest.errors import Malformed, Unfit

# How many of a unit are a millisecond, and how many milliseconds are one of it.
_UNITS = {"ns": (1_000_000, 1), "us": (1000, 1), "u": (1000, 1), "ms": (1, 1), "s": (1, 1000)}
_QUOTE = re.compile(rb'(?<!\\)"')


def parse(body: bytes, batch: Batch, precision: str = "ns") -> None:
    """Read a body into a batch; bad lines are refused there by number, good ones count.

    Args:
        body: Lines.
        batch: Where readings and refusals go.
        precision: Unit of the times: ns, us, ms or s.

    Raises:
        Malformed: an unknown precision.
        TooLarge: more readings than a body may have.
    """
    if precision not in _UNITS:
        raise Malformed("The precision must be ns, us, ms or s.")
    batch.check_lines(body)
    per_ms, ms = _UNITS[precision]
    start, number = 0, 0
    while start < len(body):
        number += 1
        end = _line_end(body, start)
        try:
            point, last = _point(body, start, end)
            if point is not None:
                at = point["time"]
                _take(point, batch, batch.now_ms if at is None else at // per_ms * ms)
            if last != end:
                number += body.count(b"\n", start, last)
                end = last
        except Unfit as error:
            batch.refuse(number, str(error))
        start = end + 1


def _line_end(body: bytes, start: int) -> int:
    end = body.find(b"\n", start)
    return len(body) if end < 0 else end


def _point(body: bytes, start: int, end: int) -> tuple[dict[str, Any] | None, int]:
    """Parse the point that begins at a place.

    Returns:
        What the library made of it, None for an empty line or a comment, and where it ends: later
        than its line if it has a text with line breaks.

    Raises:
        Unfit: it is none.
    """
    if end - start > LINE_BYTES:
        raise Unfit(f"it is longer than {LINE_BYTES} bytes")
    line = body[start:end].strip()
    if not line:
        return None, end
    try:
        return parse_line(line.decode()), end
    except UnicodeDecodeError as error:
        raise Unfit("it is not UTF-8") from error
    except LineFormatError as error:
        later = _closing_end(body, start, end)
        if later is not None:
            with suppress(LineFormatError, UnicodeDecodeError):
                return parse_line(body[start:later].strip().decode()), later
        raise Unfit(f"it is no line protocol ({str(error).rstrip('.').lower()})") from error


def _closing_end(body: bytes, start: int, end: int) -> int | None:
    """Find the end of the line that closes a text which a line leaves open, if one does."""
    if len(_QUOTE.findall(body, start, end)) % 2 == 0:
        return None
    quote = _QUOTE.search(body, end, start + LINE_BYTES)
    return None if quote is None else _line_end(body, quote.end())


def _take(point: dict[str, Any], batch: Batch, at_ms: int) -> None:
    """Add the readings of a point: all, or none and raise Unfit."""
    labels = checked_labels(tuple(point["tags"].items()))
    measurement = point["measurement"]
    numbers = []
    for field, value in point["fields"].items():
        if isinstance(value, str):
            batch.texts += 1
        else:
            numbers.append((_name(measurement, field), as_number(value)))
    with batch.together():
        for name, value in numbers:
            batch.add(name, labels, value, at_ms)


@lru_cache(maxsize=8192)
def _name(measurement: str, field: str) -> str:
    return checked_name(measurement if field == "value" else f"{measurement}_{field}")
