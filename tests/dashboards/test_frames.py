"""Frames of charts: what is encoded reads back, and the examples that browsers are tested on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dashboards import frames
from dashboards.charts import Chart
from dashboards.series.answers import Answer, Line

EXAMPLES = Path(__file__).with_name("frames.json")
NAN = math.nan


def line(name: str, value: list[float], *band: list[float], **labels: str) -> Line:
    low, high = (np.array(each) for each in band) if band else (None, None)
    return Line(name, tuple(sorted(labels.items())), np.array(value), low, high)


def chart(at: list[int], lines: list[Line]) -> Chart:
    return Chart.of(Answer(np.array(at, dtype=np.int64), 1000, lines))


def full(panel: str, at: list[int], lines: list[Line], **other: Any) -> bytes:
    settings: dict[str, Any] = {"step_ms": 1000, "unit": "", "span": (0, 4000), **other}
    return frames.full(panel, 7, chart(at, lines), **settings)


def delta(panel: str, at: list[int], lines: list[Line], drop: int, start: int) -> bytes:
    return frames.delta(panel, 7, chart(at, lines), drop_before_ms=drop, from_ms=start)


NOW = 1_790_000_000_000
CASES: dict[str, bytes] = {
    "empty": frames.frame(NOW, []),
    "full": frames.frame(NOW, [
        full(
            "aaaaaaaaaa", [NOW - 2000, NOW - 1000, NOW],
            [
                line("Ünits · β", [1.5, NAN, -0.25], host="a", zone="ö"),
                line("banded", [2, 3, 4], [1, 2, NAN], [3, 4, NAN]),
            ],
            unit="bytes/s", span=(NOW - 2000, NOW + 1000),
        )
    ]),
    "full of nothing": frames.frame(NOW, [full("none000000", [], [])]),
    "full without points": frames.frame(NOW, [full("nopoints00", [], [line("a", [])])]),
    "delta": frames.frame(NOW + 1000, [
        delta(
            "aaaaaaaaaa", [NOW, NOW + 1000],
            [line("", [0.5, 1e300]), line("", [5, NAN], [4, NAN], [6, NAN])],
            NOW - 1000, NOW,
        )
    ]),
    "delta that only drops": frames.frame(NOW, [delta("bbbbbbbbbb", [], [], NOW, NOW + 1000)]),
    "several": frames.frame(NOW + 0.5, [
        full("aaaaaaaaaa", [0], [line("x", [1])]),
        delta("bbbbbbbbbb", [1000], [line("x", [2])], 0, 1000),
        # An entry of a type that is not known yet.
        b"\x01z" + bytes.fromhex("09") + (7).to_bytes(4, "little") + (3).to_bytes(4, "little")
        + b"abc",
        delta("c", [2000], [line("x", [3])], 0, 2000),
    ]),
}  # fmt: skip


def plain(data: bytes) -> dict[str, Any]:
    """Decode a frame to what JSON can hold; null where there is no value."""
    decoded = frames.decode(data)
    entries = []
    for entry in decoded.entries:
        columns = [[None if math.isnan(v) else v for v in each] for each in entry.columns]
        shown: dict[str, Any] = {
            "panel": entry.panel, "type": entry.type, "base": entry.base, "at": entry.at_ms,
            "columns": columns,
        }  # fmt: skip
        if entry.meta is None:
            shown |= {"dropBefore": entry.drop_before_ms, "from": entry.from_ms}
        else:
            shown["meta"] = entry.meta
        entries.append(shown)
    return {"tick": decoded.tick_ms, "entries": entries}


def examples() -> list[dict[str, Any]]:
    return [{"name": name, "hex": data.hex(), "frame": plain(data)} for name, data in CASES.items()]


def test_frames_are_the_bytes_that_browsers_are_tested_on() -> None:
    """One file of frames for the encoder here and the decoder there."""
    assert json.loads(EXAMPLES.read_text()) == examples()


def test_what_is_encoded_reads_back() -> None:
    """Times, values, bands and words of a full, and the span of a delta."""
    one = frames.decode(CASES["full"]).entries[0]
    assert one.meta == {
        "step": 1000, "unit": "bytes/s", "from": NOW - 2000, "to": NOW + 1000,
        "lines": [
            {"name": "Ünits · β", "labels": {"host": "a", "zone": "ö"}, "band": False},
            {"name": "banded", "labels": {}, "band": True},
        ],
    }  # fmt: skip
    assert one.at_ms == [NOW - 2000, NOW - 1000, NOW]
    np.testing.assert_array_equal(
        np.array(one.columns), [[1.5, NAN, -0.25], [2, 3, 4], [1, 2, NAN], [3, 4, NAN]]
    )
    two = frames.decode(CASES["delta"]).entries[0]
    assert (two.drop_before_ms, two.from_ms, two.at_ms) == (NOW - 1000, NOW, [NOW, NOW + 1000])


def test_a_delta_has_the_points_from_its_time_on() -> None:
    """Those before are what its base has."""
    points = chart([1, 2, 3], [line("", [1.0, 2.0, 3.0], [0.5, 1.5, 2.5], [1.5, 2.5, 3.5])])
    entry = frames.delta("a", 1, points, drop_before_ms=0, from_ms=2)
    found = frames.decode(frames.frame(0, [entry])).entries[0]
    assert found.at_ms == [2, 3]
    assert [column.tolist() for column in found.columns] == [[2, 3], [1.5, 2.5], [2.5, 3.5]]


@pytest.mark.parametrize(
    "data", [b"", b"\x02" + bytes(8), CASES["full"][:-1], CASES["full"][:40], CASES["delta"] + b"x"]
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    """Cut off, of another version, or with something behind it."""
    with pytest.raises(frames.BadFrame):
        frames.decode(data)


if __name__ == "__main__":
    EXAMPLES.write_text(json.dumps(examples(), ensure_ascii=False, indent=1) + "\n")
