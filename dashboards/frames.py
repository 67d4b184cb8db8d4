"""The binary frames that charts are drawn from. Numbers are little endian, as browsers' are.

    frame  = version:u8 (1), tick_ms:f64, entry*
    entry  = n:u8, panel: n bytes of ASCII, type:u8, base:u32, length:u32, body: length bytes
    full   = m:u32, meta: m bytes of JSON, points:u32, columns           type 0
    delta  = drop_before_ms:f64, from_ms:f64, points:u32, columns        type 1
    columns = at_ms: f64 * points, line*         as many lines as the meta of the base has
    line   = value: f64 * points [, low: f64 * points, high: f64 * points]     with a band
    meta   = {"step": ms, "unit": text, "from": ms, "to": ms,
              "lines": [{"name": text, "labels": {name: value}, "band": bool}, ...]}

Times are Unix milliseconds, NaN is: no value. A full replaces all that a chart has. A delta is for
who has the same `base`: points before `drop_before_ms` go, all from `from_ms` on are replaced by
those that follow, and the span that is shown begins at `drop_before_ms`. It is as long as before,
or goes to the last point where that is later. An entry of a type that is not known is skipped by
its length.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboards.charts import Chart
from dashboards.series.points import Values

VERSION = 1
FULL = 0
DELTA = 1

_HEAD = struct.Struct("<Bd")
_ENTRY = struct.Struct("<BII")
_SPAN = struct.Struct("<ddI")
_COUNT = struct.Struct("<I")


class BadFrame(ValueError):
    """Bytes that are no frame."""


def frame(tick_ms: float, entries: Iterable[bytes]) -> bytes:
    """Put entries together to a frame."""
    return b"".join((_HEAD.pack(VERSION, tick_ms), *entries))


def full(
    panel: str, base: int, chart: Chart, *, step_ms: int, unit: str, span: tuple[int, int]
) -> bytes:
    """Encode a chart as a whole, as an entry.

    Args:
        panel: Its panel's id.
        base: What deltas that build on it will name.
        chart: Its points.
        step_ms: Between two points.
        unit: Of the values.
        span: From when to when the chart shows (ms).
    """
    lines = [
        {"name": name, "labels": dict(labels), "band": band}
        for (name, labels), band in zip(chart.keys, chart.bands, strict=True)
    ]
    meta = {"step": step_ms, "unit": unit, "from": span[0], "to": span[1], "lines": lines}
    words = json.dumps(meta, separators=(",", ":"), ensure_ascii=False).encode()
    head = _COUNT.pack(len(words)) + words + _COUNT.pack(len(chart.at_ms))
    return _entry(panel, FULL, base, head + _columns(chart, 0))


def delta(panel: str, base: int, chart: Chart, *, drop_before_ms: int, from_ms: int) -> bytes:
    """Encode what changed of a chart, as an entry.

    Args:
        panel: As in `full`.
        base: The base that it builds on: a chart of the same lines and bands.
        chart: Its points as they are now.
        drop_before_ms: Where the chart begins now.
        from_ms: From where on its points are replaced.
    """
    first = int(np.searchsorted(chart.at_ms, from_ms))
    head = _SPAN.pack(drop_before_ms, from_ms, len(chart.at_ms) - first)
    return _entry(panel, DELTA, base, head + _columns(chart, first))


def _entry(panel: str, kind: int, base: int, body: bytes) -> bytes:
    name = panel.encode("ascii")
    return b"".join((bytes((len(name),)), name, _ENTRY.pack(kind, base, len(body)), body))


def _columns(chart: Chart, first: int) -> bytes:
    rows = chart.rows[:, first:].astype("<f8", copy=False)
    return chart.at_ms[first:].astype("<f8").tobytes() + rows.tobytes()


@dataclass(frozen=True, slots=True)
class Entry:
    """One chart's part of a frame. `meta` is None in a delta, the times of which a full has not."""

    panel: str
    type: int
    base: int
    at_ms: list[float]
    columns: list[Values]
    meta: dict[str, Any] | None = None
    drop_before_ms: float = 0.0
    from_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame. `columns` of its entries are in the order of the bytes, bands not told."""

    tick_ms: float
    entries: list[Entry]


def decode(data: bytes) -> Frame:
    """Read a frame.

    Raises:
        BadFrame: these bytes are none, or one of another version.
    """
    try:
        version, tick_ms = _HEAD.unpack_from(data)
        if version != VERSION:
            raise BadFrame(f"Version {version} is not known.")
        entries, at = [], _HEAD.size
        while at < len(data):
            entry, at = _read_entry(data, at)
            if entry is not None:
                entries.append(entry)
    except (struct.error, IndexError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadFrame(str(error)) from error
    return Frame(tick_ms, entries)


def _read_entry(data: bytes, at: int) -> tuple[Entry | None, int]:
    """Read an entry. Returns it, None of a type that is not known, and where the next begins."""
    name_end = at + 1 + data[at]
    panel = data[at + 1 : name_end].decode("ascii")
    kind, base, length = _ENTRY.unpack_from(data, name_end)
    start = name_end + _ENTRY.size
    end = start + length
    if end > len(data):
        raise BadFrame("An entry ends beyond its frame.")
    body = data[start:end]
    if kind == FULL:
        (size,) = _COUNT.unpack_from(body)
        meta = json.loads(body[_COUNT.size : _COUNT.size + size])
        (points,) = _COUNT.unpack_from(body, _COUNT.size + size)
        times, columns = _read_columns(body[2 * _COUNT.size + size :], points)
        return Entry(panel, kind, base, times, columns, meta), end
    if kind == DELTA:
        drop_before_ms, from_ms, points = _SPAN.unpack_from(body)
        times, columns = _read_columns(body[_SPAN.size :], points)
        return Entry(panel, kind, base, times, columns, None, drop_before_ms, from_ms), end
    return None, end


def _read_columns(body: bytes, points: int) -> tuple[list[float], list[Values]]:
    if not points:
        if body:
            raise BadFrame("Columns without points hold bytes.")
        return [], []
    count, rest = divmod(len(body), 8 * points)
    if rest or not count:
        raise BadFrame("The columns are not of one length.")
    numbers = np.frombuffer(body, "<f8").reshape(count, points)
    return numbers[0].tolist(), [np.array(column) for column in numbers[1:]]
