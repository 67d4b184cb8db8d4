"""JSON: one object, an array, or one on each line; a bad one costs nobody else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.ingest import lines
from dashboards.ingest.batch import LINE_BYTES, Batch
from dashboards.ingest.errors import Malformed, TooLarge
from dashboards.ingest.readings import Kind, Reading
from tests.dashboards.ingest.reading import NOW_MS, batch, refused

GOOD = {"name": "orders", "labels": {"shop": "north", "day": ""}, "value": 3, "time": NOW_MS}


def parse(body: str | bytes, most: int = 1000) -> Batch:
    found = batch(most)
    lines.parse(body.encode() if isinstance(body, str) else body, found)
    return found


def one(**fields: Any) -> Batch:
    return parse(json.dumps({"name": "orders", "value": 3} | fields))


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent=2),
        json.dumps([GOOD]),
        json.dumps([GOOD], indent=2) + "\n",
        f"\r\n{json.dumps(GOOD)}\r\n\r\n",
    ],
    ids=["object", "indented", "array", "indented array", "line"],
)
def test_object_is_a_reading_in_every_form(body: str) -> None:
    """Labels without a value are none; what is not said has its default."""
    assert parse(body).readings == [
        Reading("orders", (("shop", "north"),), 3.0, NOW_MS, Kind.GAUGE, "")
    ]


def test_kind_and_unit_are_taken() -> None:
    """They go with the series."""
    (reading,) = one(kind="counter", unit="bytes").readings
    assert (reading.kind, reading.unit) == (Kind.COUNTER, "bytes")


@pytest.mark.parametrize(
    "time",
    [
        NOW_MS // 1000,
        NOW_MS / 1000,
        NOW_MS,
        NOW_MS * 1000,
        NOW_MS * 1_000_000,
        "2025-11-25T10:00:00Z",
        "2025-11-25T11:00:00.000+01:00",
        None,
    ],
)
def test_time_is_understood_in_every_unit(time: Any) -> None:
    """Seconds to nanoseconds differ by a thousand each; no year from 2000 on is in two of them."""
    assert one(time=time).readings[0].at_ms == NOW_MS


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (NOW_MS + 601_000, "10 minutes in the future"),
        (946_684_799, "before the year 2000"),
        (-5, "before the year 2000"),
        (1e40, "neither a number"),
        ("yesterday", "not ISO 8601"),
        ("2025-11-25T10:00:00", "no time zone"),
        (True, "neither a number"),
        ({}, "neither a number"),
    ],
)
def test_implausible_time_is_refused(time: Any, reason: str) -> None:
    """A sample far ahead would hide all later ones; one of 1970 is a wrong unit."""
    found = one(time=time)
    assert not found.readings
    assert reason in refused(found)[1]


def test_time_a_little_ahead_is_taken() -> None:
    """Clocks differ."""
    assert one(time=NOW_MS + 599_000).readings


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"value": "3"}, "not a number"),
        ({"value": True}, "not a number"),
        ({"value": None}, "not a number"),
        ({"value": float("nan")}, "not a finite number"),
        ({"value": float("inf")}, "not a finite number"),
        ({"value": 10**400}, "not a finite number"),
        ({"name": ""}, "1 to 255 characters"),
        ({"name": "x" * 256}, "1 to 255 characters"),
        ({"name": "a\nb"}, "control characters"),
        ({"name": "a\u202eb"}, "control characters"),
        ({"name": "\ud800"}, "control characters"),
        ({"name": 5}, "no “name”"),
        ({"labels": ["a"]}, "not an object"),
        ({"labels": {"a": 1}}, "not all texts"),
        ({"labels": {"a": ["x"]}}, "not all texts"),
        ({"labels": {"a": "x\0"}}, "control characters"),
        ({"labels": {"": "x"}}, "label's name"),
        ({"labels": {"a": "x" * 513}}, "longer than 512"),
        ({"labels": {f"l{n}": "x" for n in range(33)}}, "more than 32 labels"),
        ({"labels": {f"l{n}": "x" * 500 for n in range(9)}}, "more than 4096 characters"),
        ({"kind": "heat"}, "“kind”"),
        ({"unit": "x" * 21}, "20 characters"),
        ({"timestamp": 5}, "unknown fields: “timestamp”"),
    ],
    ids=str,
)
def test_object_that_is_no_reading_is_refused_with_its_reason(
    fields: dict[str, Any], reason: str
) -> None:
    """Nothing is guessed: a field that was misspelt would be lost in silence."""
    found = one(**fields)
    assert not found.readings
    assert found.refused == 1
    assert reason in refused(found)[1]


def test_bad_lines_are_numbered_and_good_ones_count() -> None:
    """Whatever is wrong with a line."""
    good = json.dumps(GOOD).encode()
    body = b"\n".join(
        [
            good,
            b"",
            b"{",
            b"\xff",
            good + b" x",
            b"[1]",
            b"5",
            good,
            b'"' + b"x" * LINE_BYTES + b'"',
        ]
    )
    found = parse(body)
    assert len(found.readings) == 2
    assert refused(found) == {
        3: "it is not JSON",
        4: "it is not UTF-8",
        5: "something comes after its object",
        6: "it is not an object",
        7: "it is not an object",
        9: f"it is longer than {LINE_BYTES} characters",
    }


def test_bad_items_of_an_array_are_numbered_and_good_ones_count() -> None:
    """An array is read item by item."""
    found = parse(json.dumps([GOOD, 5, GOOD, {"name": "x"}]))
    assert len(found.readings) == 2
    assert list(refused(found)) == [2, 4]


@pytest.mark.parametrize(
    "body",
    [
        "[",
        "[1",
        "[1,",
        "[1 2]",
        "[]]",
        "[1] x",
        "[" * 100_000,
        '["' + "x" * LINE_BYTES + '"]',
        b"[\xff]",
    ],
    ids=lambda body: str(body[:12]),
)
def test_array_that_cannot_be_read_is_malformed(body: str | bytes) -> None:
    """Where its items end is not known."""
    with pytest.raises(Malformed):
        parse(body)


def test_empty_bodies_have_nothing() -> None:
    """They are no error of the parser's."""
    assert [parse(body).readings for body in ("", "\n\n", "[]", " [ ] ")] == [[]] * 4


def test_more_readings_than_allowed_are_too_large() -> None:
    """The bound is on what they take in memory."""
    body = "\n".join([json.dumps(GOOD)] * 11)
    assert len(parse(body, most=11).readings) == 11
    with pytest.raises(TooLarge):
        parse(body, most=10)


@pytest.mark.parametrize("line", ["\n", "x\n", "5\n"])
def test_reading_stops_where_nothing_good_can_come(line: str) -> None:
    """Far more lines, or more refusals, than may be stored only cost time."""
    with pytest.raises(TooLarge):
        parse(line * 4001, most=1000)
    with pytest.raises(TooLarge):
        parse("[" + "5," * 1001 + "5]", most=1000)


def test_all_refusals_are_counted_and_the_first_named() -> None:
    """An answer stays short."""
    found = parse("x\n" * 500)
    assert found.refused == 500
    assert len(found.refusals) == 20


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
fields = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("name", "labels", "value", "time", "kind", "unit"), anything)
)


@given(st.lists(fields | anything, max_size=4), st.booleans())
def test_every_object_is_stored_or_refused(entries: list[Any], as_array: bool) -> None:
    """Valid JSON of any shape raises nothing, and nothing is lost in silence."""
    texts = [json.dumps(entry) for entry in entries]
    body = f"[{','.join(texts)}]" if as_array else "\n".join(texts)
    if as_array or not body.startswith("["):
        found = parse(body)
        assert len(found.readings) + found.refused == len(entries)


@given(st.binary(max_size=200), st.integers(0, 80))
def test_no_bytes_raise_anything_else(data: bytes, at: int) -> None:
    """Random bytes, and good ones with random ones in them."""
    good = json.dumps(GOOD).encode()
    for body in (data, good[:at] + data + good[at:], b"[" + good + b"," + data + b"]"):
        with contextlib.suppress(Malformed):
            parse(body)
