"""Influx's line protocol: good lines count, bad ones are told by number."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.ingest import influx
from dashboards.ingest.batch import LINE_BYTES, Batch
from dashboards.ingest.errors import Malformed, TooLarge
from tests.dashboards.ingest.reading import NOW_MS, Keeping, batch, refused, series

GOOD = f'cpu,host=web-1 idle=98.5,procs=3i,up=t,down=f,big=7u,state="on air" {NOW_MS}000000'


def parse(body: str | bytes, precision: str = "ns", most: int = 1000) -> Batch:
    found = batch(most)
    influx.parse(body.encode() if isinstance(body, str) else body, found, precision)
    return found


def test_field_is_a_metric_of_its_measurement() -> None:
    """True is 1, false is 0; a text is counted and left out."""
    found = parse(GOOD)
    assert series(found) == {
        "cpu_idle{host=web-1}": 98.5,
        "cpu_procs{host=web-1}": 3,
        "cpu_up{host=web-1}": 1,
        "cpu_down{host=web-1}": 0,
        "cpu_big{host=web-1}": 7,
    }
    assert {reading.at_ms for reading in found.readings} == {NOW_MS}
    assert (found.texts, found.refused) == (1, 0)


def test_line_is_taken_whole_or_not_at_all() -> None:
    """One of its fields comes later than its metric is kept."""
    found = Batch(NOW_MS, keeping=Keeping("cpu_idle"))
    influx.parse(f"cpu busy=1,idle=2,load=3 {NOW_MS - 1000}\ncpu busy=3\n".encode(), found, "ms")
    assert "longer ago" in refused(found)[1]
    assert [reading.value for reading in found.readings] == [3]


def test_field_named_value_is_the_measurement() -> None:
    """As senders name the only field there is."""
    assert series(parse("temp,room=hall value=21")) == {"temp{room=hall}": 21}


def test_escaped_characters_are_read() -> None:
    """A space, a comma and an equals sign in names and values."""
    assert series(parse("my\\ cpu,a\\,b=c\\=d my\\ field=1")) == {"my cpu_my field{a,b=c=d}": 1}


@pytest.mark.parametrize(
    ("precision", "time"),
    [
        ("ns", f"{NOW_MS}000000"),
        ("us", f"{NOW_MS}000"),
        ("ms", f"{NOW_MS}"),
        ("s", f"{NOW_MS // 1000}"),
        ("s", ""),
    ],
)
def test_time_is_read_in_the_precision_of_the_request(precision: str, time: str) -> None:
    """Without a time it is now."""
    (reading,) = parse(f"m value=1 {time}", precision).readings
    assert reading.at_ms == NOW_MS


def test_unknown_precision_is_malformed() -> None:
    """Times of a guessed unit would be wrong for good."""
    with pytest.raises(Malformed, match="precision"):
        parse("m value=1 5", "h")


def test_bad_lines_are_numbered_and_good_ones_count() -> None:
    """Comments and empty lines are counted, too: the number is that of an editor."""
    found = parse(
        b"\n".join([
            GOOD.encode(), b"# a comment", b"", b"no field", b"m,a= value=1", b"m value=\xff",
            b"m value=1 99", b"m v" + b"x" * LINE_BYTES + b"=1", b"m value=1e999",
            b"m\0 value=1", b"m value=2\r", b"m,t=\x1b value=1",
        ])
    )  # fmt: skip
    assert len(found.readings) == 6
    assert list(refused(found)) == [4, 5, 6, 7, 8, 9, 10, 12]
    assert "year 2000" in refused(found)[7]
    assert "UTF-8" in refused(found)[6]
    assert "line protocol" in refused(found)[4]


def test_text_may_go_over_lines() -> None:
    """Lines in it are no lines of the body, but are counted."""
    found = parse('m log="one\ntwo\nthree",value=1\nbad\nm2 value=2')
    assert series(found) == {"m{}": 1, "m2{}": 2}
    assert list(refused(found)) == [4]


def test_text_that_is_never_closed_costs_its_line_only() -> None:
    """What follows is read as lines again."""
    found = parse('m log="one\nm value=1\nm2 log="x"\nm2 value=2')
    assert series(found) == {"m{}": 1, "m2{}": 2}
    assert list(refused(found)) == [1]


def test_quote_in_a_tag_opens_no_text() -> None:
    """There it is a character like others."""
    found = parse('disk,size=5" value=1\ndisk,size=6" value=2')
    assert series(found) == {'disk{size=5"}': 1, 'disk{size=6"}': 2}


def test_more_readings_than_allowed_are_too_large() -> None:
    """Fields count, not lines."""
    with pytest.raises(TooLarge):
        parse("m a=1,b=2,c=3", most=2)


piece = st.sampled_from(['"', "\\", ",", "=", " ", "\n", "\r", "#", "\0", "é", "t", "1i", "-", "m"])


@given(st.binary(max_size=200), st.lists(piece, max_size=60), st.integers(0, 90))
def test_no_bytes_raise_anything_else(data: bytes, pieces: list[str], at: int) -> None:
    """Random bytes, random grammar, and good lines with random bytes in them."""
    good = GOOD.encode()
    for body in (data, "".join(pieces).encode(), good[:at] + data + good[at:]):
        with contextlib.suppress(TooLarge):
            parse(body)
