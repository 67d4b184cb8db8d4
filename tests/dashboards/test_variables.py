"""Variables: what they offer, what is chosen, and what becomes of queries with them."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.ingest.readings import Reading
from dashboards.layout.model import Layout, Variable
from dashboards.series.memory import MemoryMetricStore
from dashboards.series.ports import Match, Matcher
from dashboards.variables import (
    ALL,
    BadReference,
    choices,
    chosen,
    matcher_of,
    plain,
    put_in,
    put_in_each,
    put_in_one,
    with_step,
)


@pytest.fixture
def store() -> MemoryMetricStore:
    one = MemoryMetricStore()
    one.record(Reading("up", (("host", host),), 1.0, 5) for host in ("web2", "web1", "db"))
    one.record([Reading("disk", (("host", "nas"),), 1.0, 5)])
    return one


HOST = Variable("host", "label", label="host", metric="up")
HOSTS = Variable("hosts", "label", label="host", metric="up", multi=True)
ZONE = Variable("zone", "custom", options=("eu", "us", "eu"), default=("us",))
EVERY = Variable("every", "interval")


def test_variables_offer_what_there_is(store: MemoryMetricStore) -> None:
    """Values of a label in one metric or in all, options, usual intervals."""
    assert choices(HOST, store) == ["db", "web1", "web2"]
    assert choices(Variable("any", "label", label="host"), store) == ["db", "nas", "web1", "web2"]
    assert choices(ZONE, store) == ["eu", "us"]
    assert choices(EVERY, store)[0] == "auto"
    assert choices(Variable("every", "interval", options=("2m",)), store) == ["2m"]


@pytest.mark.parametrize(
    ("variable", "wanted", "found"),
    [
        (HOST, (), ("db",)),
        (HOST, ("web1", "web2"), ("web1",)),
        (HOST, ("nas",), ("db",)),
        (HOST, (ALL,), ("db",)),
        (HOSTS, (), (ALL,)),
        (HOSTS, ("web2", "web1", "web2", "nas"), ("web2", "web1")),
        (HOSTS, ("web1", ALL), (ALL,)),
        (ZONE, (), ("us",)),
        (ZONE, ("eu",), ("eu",)),
        (ZONE, ("'; drop",), ("us",)),
        (EVERY, ("5m",), ("5m",)),
        (Variable("none", "custom"), ("x",), ()),
    ],
)
def test_what_is_chosen_is_what_is_offered(
    store: MemoryMetricStore, variable: Variable, wanted: tuple[str, ...], found: tuple[str, ...]
) -> None:
    """Else the default; one value, unless the variable takes several."""
    layout = Layout("", {}, (variable,))
    assert chosen(layout, {variable.name: wanted, "other": ("x",)}, store) == {variable.name: found}


VALUES = {"host": ("web1",), "hosts": ("a.b", "c|d"), "all": (ALL,), "none": (), "x": ("$host",)}


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("=", "$host", (Match.EQUAL, "web1")),
        ("!=", "${host}s", (Match.NOT_EQUAL, "web1s")),
        ("=", "$hosts", (Match.REGEX, r"(?:a\.b|c\|d)")),
        ("!=", "$hosts", (Match.NOT_REGEX, r"(?:a\.b|c\|d)")),
        ("=", "v.$hosts", (Match.REGEX, r"v\.(?:a\.b|c\|d)")),
        ("=~", "v.$hosts", (Match.REGEX, r"v.(?:a\.b|c\|d)")),
        ("=~", "(db|$host)$", (Match.REGEX, "(db|web1)$")),
        ("=", "$all", None),
        ("=~", "$all", None),
        ("!=", "$all", (Match.NOT_REGEX, ".*")),
        ("=", "web-$all", (Match.REGEX, r"web\-.*")),
        ("=", "$x", (Match.EQUAL, "$host")),
        ("=", "5$$", (Match.EQUAL, "5$")),
        ("=", "$1", (Match.EQUAL, "$1")),
    ],
)
def test_variables_are_put_in_matchers(
    operator: str, value: str, found: tuple[Match, str] | None
) -> None:
    """Several values become an alternation; values stand for themselves also in expressions."""
    wanted = None if found is None else Matcher("host", *found)
    assert matcher_of("host", operator, value, VALUES) == wanted


_VALUE = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda value: value != ALL)


@given(st.lists(_VALUE, min_size=2, max_size=5))
@settings(deadline=None)
def test_any_values_match_themselves_alone(values: list[str]) -> None:
    """Whatever is in them; `*` stands for all."""
    matcher = matcher_of("host", "=", "$x", {"x": tuple(values)})
    assert matcher is not None
    pattern = re2.compile(matcher.value)
    assert all(pattern.fullmatch(value) for value in values)
    assert not pattern.fullmatch("".join(values) + "!")


def test_variables_are_put_in_texts_and_names() -> None:
    """Titles list several values; windows and metrics take one; groups get as many labels."""
    values = with_step({**VALUES, "labels": ("host", "zone")}, 30_000)
    assert put_in("CPU of $hosts, $all, ${host}-1", values) == "CPU of a.b, c|d, all, web1-1"
    assert put_in_one("$__interval", values) == "30s"
    assert put_in_one("up_$host", values) == "up_web1"
    assert put_in_each(("job", "$labels"), values) == ("job", "host", "zone")
    assert put_in(plain("costs $host $$"), values) == "costs $host $$"
    for wrong in ("$nobody", "${nobody}", "$none", "$hosts", "$all"):
        with pytest.raises(BadReference, match=r"\.$"):
            put_in_one(wrong, values)
