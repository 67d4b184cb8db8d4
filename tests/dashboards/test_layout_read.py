"""Reading a layout out of a room in which a program may have written anything."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args, get_type_hints

import pycrdt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards.layout import model
from dashboards.layout.arrange import arrange
from dashboards.layout.model import Formula, Layout, Panel, PanelKind, Place, QuerySpec, Variable
from dashboards.layout.read import layout_of

Doc = pycrdt.Doc[Any]


def room(**roots: Any) -> Doc:
    """Make a room of plain values; mappings become shared maps."""
    doc: Doc = pycrdt.Doc()
    for name, value in roots.items():
        doc[name] = shared(value)
    return doc


def shared(value: Any) -> Any:
    return pycrdt.Map({k: shared(v) for k, v in value.items()}) if type(value) is dict else value


def test_a_layout_reads_as_it_was_written() -> None:
    """Every field that a page writes is read."""
    query = {
        "metric": "cpu", "matchers": [["host", "=", "$host"]], "by": ["mode"], "function": "rate",
        "across": "sum", "window": "5m", "legend": "CPU", "hidden": True,
    }  # fmt: skip
    doc = room(
        title=pycrdt.Text(" Our \n machines"),
        panels={
            "abcdefgh01": {
                "kind": "gauge", "title": "Load", "x": 3.0, "y": 2.5, "w": 4, "h": 5,
                "unit": "percent", "decimals": 1.0, "min": 0, "max": 100, "legend": "table",
                "thresholds": [[90.0, "bad"], [80, "warn"]], "nulls": "zero", "style": "area",
                "stacked": True, "limit": 5.0, "text": pycrdt.Text("*Hi*"),
                "queries": {"b": {}, "a": query}, "formula": None,
            },
            "abcdefgh02": {"formula": pycrdt.Map(), "y": 1},
        },
        variables={
            "host": {"kind": "label", "label": "host", "metric": "cpu", "order": 2},
            "step": {"kind": "interval", "options": ["1m", "5m"], "default": ["5m"], "order": 1},
        },
        settings={"range": "6h"},
    )  # fmt: skip
    doc["panels"]["abcdefgh02"]["formula"] = {"op": "/", "left": "a", "right": "b"}
    assert layout_of(doc) == Layout(
        title="Our machines",
        panels={
            "abcdefgh02": Panel(
                "abcdefgh02", PanelKind.TIMESERIES, "", Place(0, 1.0, 6, 4),
                formula=Formula("/", "a", "b"),
            ),
            "abcdefgh01": Panel(
                "abcdefgh01", PanelKind.GAUGE, "Load", Place(3, 2.5, 4, 5),
                queries={
                    "a": QuerySpec(
                        "cpu", (("host", "=", "$host"),), ("mode",), "rate", "sum", "5m", "CPU",
                        hidden=True,
                    ),
                    "b": QuerySpec(),
                },
                unit="percent", decimals=1, min=0.0, max=100.0,
                thresholds=((80.0, "warn"), (90.0, "bad")), legend="table", nulls="zero",
                style="area", stacked=True, limit=5, text="*Hi*",
            ),
        },
        variables=(
            Variable("step", "interval", options=("1m", "5m"), default=("5m",), order=1.0),
            Variable("host", "label", label="host", metric="cpu", order=2.0),
        ),
        range="6h",
    )  # fmt: skip
    assert list(layout_of(doc).panels) == ["abcdefgh02", "abcdefgh01"]
    assert list(layout_of(doc).panels["abcdefgh01"].queries) == ["a", "b"]


def test_an_empty_room_is_an_empty_layout() -> None:
    """Nothing was written yet."""
    assert layout_of(pycrdt.Doc()) == Layout("", {})


def test_more_panels_than_can_be_shown_are_left_out_from_below() -> None:
    """People who add panels at once may pass the bound that each of them kept."""
    ids = [f"{number:010}" for number in range(model.PANELS_AT_MOST + 5)]
    doc = room(panels={key: {"y": -int(key)} for key in ids})
    assert list(layout_of(doc).panels) == ids[:4:-1]


def test_of_very_many_panels_only_the_first_are_looked_at() -> None:
    """A program may write any number, which must not hold up everybody with each edit."""
    ids = [f"{number:010}" for number in range(510)]
    doc = room(
        panels={key: {"y": -int(key)} for key in ids},
        variables={f"v{key}": {"kind": "custom", "order": -int(key)} for key in ids},
    )
    layout = layout_of(doc)
    assert list(layout.panels) == ids[499 : 499 - model.PANELS_AT_MOST : -1]
    assert [one.name for one in layout.variables] == [f"v{key}" for key in ids[499:487:-1]]
    assert len(layout_of(doc, whole=True).panels) == 510


def test_queries_come_in_order_of_their_keys() -> None:
    """Of two that were added at once, whose keys begin alike, both are there."""
    keys = ["b", "a", "cz", "c7k2p", "C", "1", "d" * 11]
    doc = room(panels={"aaaaaaaaaa": {"queries": {key: {"metric": key} for key in keys}}})
    queries = layout_of(doc).panels["aaaaaaaaaa"].queries
    assert list(queries) == ["a", "b", "c7k2p", "cz"]
    assert [query.metric for query in queries.values()] == list(queries)


KEYS = sorted({
    *get_type_hints(Panel), *get_type_hints(QuerySpec), *get_type_hints(Variable), "x", "y", "w",
    "h", "op", "left", "right", "order", "range", "a", "b", "f",
})  # fmt: skip
NAMES = ["abcdefgh01", "abcdefgh02", "host", "<b>", "ABCDEFGH01"]
WORDS = ["avg", "gauge", "=", "warn", "list", "1h", "a", "+", "x\0y", "l" * 999, ""]
SHARED = [pycrdt.Text, pycrdt.Array, pycrdt.XmlFragment, pycrdt.Doc]
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**52), 2**52) | st.floats() | st.sampled_from(WORDS)
    | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=5,
)  # fmt: skip
values = plain | st.sampled_from(SHARED)
queries = st.dictionaries(
    st.sampled_from(KEYS), values | st.dictionaries(st.sampled_from(KEYS), values)
)
panels = st.dictionaries(
    st.sampled_from(NAMES), st.dictionaries(st.sampled_from(KEYS), values | queries) | values
)


def write(into: Any, content: dict[str, Any]) -> None:
    """Write into a shared map: mappings become maps at random depth, types become empty ones."""
    for key, value in content.items():
        if isinstance(value, type):
            into[key] = value("l" * 999) if value is pycrdt.Text else value()
        elif isinstance(value, dict) and len(value) != 1:
            into[key] = pycrdt.Map()
            write(into[key], value)
        else:
            into[key] = value


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(panels, panels, st.dictionaries(st.sampled_from(KEYS), plain, max_size=3))
def test_anything_in_a_room_reads_as_bounded_values_of_the_right_kind(
    panels: dict[str, Any], variables: dict[str, Any], chosen: dict[str, Any]
) -> None:
    """A page and the questions behind it never meet what they cannot show."""
    doc: Doc = pycrdt.Doc()
    for root, content in (("panels", panels), ("variables", variables), ("settings", chosen)):
        write(doc.get(root, type=pycrdt.Map), content)
    layout = layout_of(doc)
    check(layout)
    assert set(layout.panels) <= {"abcdefgh01", "abcdefgh02"}
    arrange({key: panel.place for key, panel in layout.panels.items()})
    for panel in layout.panels.values():
        assert 0 <= panel.place.x <= model.COLUMNS - panel.place.w
        assert all(model.QUERY_KEY.fullmatch(key) for key in panel.queries)
        assert len(panel.queries) <= model.QUERIES_AT_MOST
        assert list(panel.thresholds) == sorted(panel.thresholds, key=lambda t: t[0])
        assert 1 <= panel.limit <= model.LISTED_AT_MOST


@given(st.binary(max_size=40))
def test_roots_of_another_type_read_as_nothing(junk: bytes) -> None:
    """A program may have made a list of what ought to be a map."""
    doc: Doc = pycrdt.Doc()
    doc["panels"] = pycrdt.Array([junk])
    doc["title"] = pycrdt.Map({"a": 1})
    copy: Doc = pycrdt.Doc()
    copy.apply_update(doc.get_update())
    assert layout_of(copy).panels == {}


def check(value: Any) -> None:
    """See that a value is what its class says, all the way down."""
    for name, kind in get_type_hints(type(value)).items():
        found = getattr(value, name)
        allowed = get_args(kind) if type(None) in get_args(kind) else (kind,)
        origins = tuple(getattr(one, "__origin__", one) for one in allowed)
        assert isinstance(found, origins), (name, found)
        assert not isinstance(found, str) or ("\0" not in found and len(found) <= 20_000)
        parts = found.values() if isinstance(found, dict) else (found,)
        for part in parts if not isinstance(found, tuple) else found:
            if dataclasses.is_dataclass(part):
                check(part)
