"""JSON: one object, an array of them, or one on each line.

    {"name": "orders", "labels": {"shop": "north"}, "value": 3, "time": 1764064800}

`name` and `value` must be there. `time` is Unix time in s, ms, us or ns, which its size tells, or
ISO 8601 with a time zone; without one it is now. `kind` is gauge (if missing), counter, bucket or
quantile; `unit` is a short text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dashboards.ingest import batch as bounds
from dashboards.ingest.batch import LINE_BYTES, Batch, checked_labels, checked_name, checked_unit
from dashboards.ingest.errors import Malformed, Unfit
from dashboards.ingest.readings import Kind, Labels

_KEYS = frozenset({"name", "labels", "value", "time", "kind", "unit"})
_SPACE = re.compile(r"[ \t\r\n]*")
_KINDS = {kind.value: kind for kind in Kind}
# NaN and Infinity are no JSON, but what Python and others write; they are refused as values.
_scan = json.JSONDecoder(parse_constant=float).raw_decode
# Times from 2000 to 2286 in seconds have fewer digits than any in milliseconds, and so on.
_SECONDS_BELOW = 10_000_000_000


def parse(body: bytes, batch: Batch) -> None:
    """Read a body into a batch; what cannot be stored is refused there by the number of its line.

    In an array the number is that of the item, from 1.

    Raises:
        Malformed: an array that cannot be read to its end.
        TooLarge: more readings than a body may have.
    """
    batch.check_lines(body)
    start = body.lstrip()
    if start.startswith(b"["):
        _parse_array(start, batch)
        return
    if len(body) <= LINE_BYTES and _parse_one(body, batch):
        return
    for number, line in enumerate(_lines(body), 1):
        try:
            text = line.strip().decode()
            if text:
                _parse_line(text, batch)
        except UnicodeDecodeError:
            batch.refuse(number, "it is not UTF-8")
        except Unfit as error:
            batch.refuse(number, str(error))


def _lines(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        if end < 0:
            end = len(body)
        yield body[start:end]
        start = end + 1


def _parse_one(body: bytes, batch: Batch) -> bool:
    """Read a body that is one object, maybe on several lines. Returns False if it is not one."""
    try:
        text = body.decode().strip()
        entry, end = _scan(text)
    except (ValueError, RecursionError):
        return False
    if end != len(text):
        return False
    try:
        _take(entry, batch)
    except Unfit as error:
        batch.refuse(1, str(error))
    return True


def _parse_line(text: str, batch: Batch) -> None:
    if len(text) > LINE_BYTES:
        raise Unfit(f"it is longer than {LINE_BYTES} characters")
    try:
        entry, end = _scan(text)
    except (ValueError, RecursionError) as error:
        raise Unfit("it is not JSON") from error
    if end != len(text):
        raise Unfit("something comes after its object")
    _take(entry, batch)


def _parse_array(body: bytes, batch: Batch) -> None:
    """Read items one by one, each from a bounded piece, so that none can be large in memory."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    at = _skip(text, 1)
    if text[at : at + 1] == "]":
        _end(text, at)
        return
    number = 0
    while True:
        number += 1
        try:
            entry, length = _scan(text[at : at + LINE_BYTES])
        except (ValueError, RecursionError) as error:
            raise Malformed(
                f"Item {number} is not JSON, or longer than {LINE_BYTES} characters.", number
            ) from error
        try:
            _take(entry, batch)
        except Unfit as error:
            batch.refuse(number, str(error))
        at = _skip(text, at + length)
        mark = text[at : at + 1]
        if mark == "]":
            _end(text, at)
            return
        if mark != ",":
            raise Malformed(f"After item {number} there is no comma or end.", number)
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    """Return where the white space at a place ends."""
    found = _SPACE.match(text, at)
    return at if found is None else found.end()


def _end(text: str, at: int) -> None:
    if text[at + 1 :].strip():
        raise Malformed("Something comes after the array.")


def _take(entry: Any, batch: Batch) -> None:
    """Add the reading that an object is. Raises Unfit."""
    if type(entry) is not dict:
        raise Unfit("it is not an object")
    if not entry.keys() <= _KEYS:
        raise Unfit(f"it has unknown fields: {bounds.shown(sorted(entry.keys() - _KEYS)[:3])}")
    name = entry.get("name")
    if type(name) is not str:
        raise Unfit("it has no “name”, or one that is not a text")
    value = entry.get("value")
    if type(value) is not float:
        if type(value) is not int:
            raise Unfit("it has no “value”, or one that is not a number")
        value = bounds.as_number(value)
    time = entry.get("time")
    stored = batch.add(
        checked_name(name),
        _labels(entry["labels"]) if "labels" in entry else (),
        value,
        batch.now_ms if time is None else _at_ms(time),
        _kind(entry["kind"]) if "kind" in entry else Kind.GAUGE,
        _unit(entry["unit"]) if "unit" in entry else "",
    )
    if not stored:
        raise Unfit("its value is not a finite number")


def _labels(labels: Any) -> Labels:
    if type(labels) is not dict:
        raise Unfit("its “labels” are not an object")
    for value in labels.values():
        if type(value) is not str:
            raise Unfit("its “labels” are not all texts")
    return checked_labels(tuple(labels.items()))


def _kind(kind: Any) -> Kind:
    found = _KINDS.get(kind) if type(kind) is str else None
    if found is None:
        raise Unfit(f"its “kind” is none of {', '.join(_KINDS)}")
    return found


def _unit(unit: Any) -> str:
    if type(unit) is not str:
        raise Unfit("its “unit” is not a text")
    return checked_unit(unit)


def _at_ms(time: Any) -> int:
    """Read a time in whatever unit its size says, as Unix milliseconds."""
    if type(time) is str:
        try:
            at = datetime.fromisoformat(time)
        except ValueError as error:
            raise Unfit("its “time” is not ISO 8601") from error
        if at.tzinfo is None:
            raise Unfit("its “time” has no time zone; add Z for UTC")
        return round(at.timestamp() * 1000)
    if type(time) not in (int, float) or not abs(time) < 1e30:
        raise Unfit("its “time” is neither a number nor a text")
    if time < _SECONDS_BELOW:
        return int(time * 1000)
    if time < _SECONDS_BELOW * 1000:
        return int(time)
    return int(time // 1000 if time < _SECONDS_BELOW * 10**6 else time // 10**6)
