"""What panels say in words and numbers, for eyes and for screen readers."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from dashboards import values, views
from dashboards.layout.model import Panel, PanelKind, Place, QuerySpec
from dashboards.series.answers import Answer, Line

NAN = float("nan")
KINDS = [kind for kind in PanelKind if kind is not PanelKind.TEXT]


def panel(kind: PanelKind, **other: Any) -> Panel:
    settings: dict[str, Any] = {"thresholds": ((50.0, "warn"), (80.0, "bad")), **other}
    queries = {"a": QuerySpec("cpu")}
    return Panel("aaaaaaaaaa", kind, "CPU", Place(0, 0, 6, 4), queries, **settings)


def answer(*lines: tuple[str, list[float]], **other: Any) -> Answer:
    found = [Line(name, (("host", name),), np.array(each, float)) for name, each in lines]
    at_ms = np.arange(len(found[0].value) if found else 0, dtype=np.int64) * 1000
    return Answer(at_ms, 1000, found, **{"newest_ms": 2000, **other})


def shown(asked: Panel, said: Answer | None, *, stale_ms: int = 15_000) -> str:
    reading = values.reading_of(asked, said)
    newest_ms = None if said is None else said.newest_ms
    return values.render(asked, reading.shape).filled(reading, newest_ms, stale_ms)


def words(html: str) -> str:
    """Return what is read aloud: no tags, white space folded."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


TWO = answer(("a", [10, NAN, 40]), ("b", [90, 85, 95]), unit="percent")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_its_newest_values_and_levels(kind: PanelKind) -> None:
    """In words beside the picture, with their unit; and without styles of its own."""
    html = shown(panel(kind), TWO)
    assert html.startswith('<div id="values-aaaaaaaaaa" class="values')
    assert 'data-newest="2000"' in html
    assert 'data-stale-after="15000"' in html
    said = words(html)
    assert "40 %" in said
    assert "95 %" in said
    assert said.count("Critical") == 1
    assert " style=" not in html
    assert "<script" not in html


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_put_where_a_rendering_would_have_them(kind: PanelKind) -> None:
    """A skeleton that other numbers are put in is what would have been rendered with them."""
    asked = panel(kind)
    first, second = values.reading_of(asked, TWO), values.reading_of(
        asked, answer(("a", [11, NAN, 41]), ("b", [91, 85, 96]), unit="percent")
    )  # fmt: skip
    assert first.shape == second.shape
    skeleton = values.render(asked, first.shape)
    anew = values.render(asked, second.shape).filled(second, 3000, 0)
    assert skeleton.filled(second, 3000, 0) == anew
    assert "41 %" in anew


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_units_are_text(kind: PanelKind) -> None:
    """Whatever senders and people write."""
    evil = "<img src=x onerror=1>&\"'"
    html = shown(panel(kind, unit=evil), answer((evil, [1, 2, 3]), (f"{evil}2", [1, 2, 3])))
    assert "<img" not in html
    assert "&lt;img src=x onerror=1&gt;&amp;" in html


@pytest.mark.parametrize("kind", KINDS)
def test_without_numbers_it_says_why_and_what_to_do(kind: PanelKind) -> None:
    """Nothing asked, nothing found, a problem, a store that is away: each in words of its own."""
    asked = panel(kind)
    assert "choose a metric" in words(shown(replace(asked, queries={}), answer()))
    assert "Choose a longer time" in words(shown(asked, answer()))
    assert "There is no such thing." in shown(asked, answer(problems=("There is no such thing.",)))
    assert "come back by themselves" in shown(asked, None)


def test_bars_are_the_highest_first_and_as_many_as_the_limit() -> None:
    """And say how many there are besides."""
    many = answer(*((f"host{n}", [float(n)]) for n in range(8)))
    html = shown(panel(PanelKind.BARS, limit=3), many)
    assert re.findall(r">(host\d)<", html) == ["host7", "host6", "host5"]
    assert "and 5 more" in html
    assert re.findall(r'fill" width="([\d.]+)%', html) == ["100.0", "85.7", "71.4"]


def test_a_gauge_is_filled_between_its_bounds() -> None:
    """The panel's, or those of its unit; what is beyond is full or empty."""
    for value, asked, share in (
        (40, panel(PanelKind.GAUGE, unit="percent"), "40.0"),
        (150, panel(PanelKind.GAUGE, unit="percent"), "100.0"),
        (40, panel(PanelKind.GAUGE, min=20, max=60), "50.0"),
        (-5, panel(PanelKind.GAUGE, min=0, max=60), "0.0"),
    ):
        html = shown(asked, answer(("a", [float(value)])))
        assert f'stroke-dasharray="{share} 200"' in html


def test_a_stat_says_how_it_changed() -> None:
    """Since the first value of its time."""
    for first, last, said in ((10, 15, "+5"), (15, 10, "−5"), (10, 10, "unchanged")):
        html = shown(panel(PanelKind.STAT), answer(("a", [NAN, first, last])))
        assert said in words(html)


def test_quantiles_are_not_averaged() -> None:
    """Neither those computed here nor those that a sender computed."""
    line = answer(("a", [10, 20, 60]))
    assert "<td>30</td>" in shown(panel(PanelKind.TABLE), line)
    computed = replace(panel(PanelKind.TABLE), queries={"a": QuerySpec("t", function="p95")})
    assert "<td>30</td>" not in shown(computed, line)
    sent = replace(line, lines=[replace(line.lines[0], labels=(("quantile", "0.9"),))])
    assert "<td>30</td>" not in shown(panel(PanelKind.TABLE), sent)


def test_a_number_is_stale_after_three_times_its_usual_distance() -> None:
    """And no sooner than after 15 s."""
    often = answer(("a", [1.0] * 100))
    rarely = answer(("a", [1.0, *[NAN] * 59] * 5))
    assert values.stale_after_ms(often) == 15_000
    assert values.stale_after_ms(rarely) == 180_000
    assert 'data-stale-after=""' in shown(panel(PanelKind.STAT), often, stale_ms=0)


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("# Hi\n**b**", "<h1>Hi</h1>\n<p><strong>b</strong></p>", "#"),
        ("<script>alert(1)</script>", "&lt;script&gt;", "<script"),
        ("[x](javascript:alert(1))", "x", "href"),
        ("[x](https://example.com)", 'rel="noopener noreferrer"', "onclick"),
        ("![x](https://example.com/x.png)", "https://example.com/x.png", "<img"),
        ("| a |\n|---|\n| b |", "<td>b</td>", "|"),
    ],
)
def test_text_is_markdown_that_can_do_nothing(text: str, kept: str, gone: str) -> None:
    """No script runs in it, and nothing is loaded from elsewhere."""
    html = shown(replace(panel(PanelKind.TEXT), text=text), answer())
    assert kept in html
    assert gone not in html.removeprefix('<div id="values-aaaaaaaaaa"')


def test_a_file_is_safe_to_open_in_a_spreadsheet() -> None:
    """A name that looks like a formula is text; a negative number stays a number."""
    said = answer(("=HYPERLINK()", [-1.5, NAN, 2]), ('a "b", c', [1, 2, 3]))
    text = "".join(views.chunks(said, ZoneInfo("UTC")))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["time", "'=HYPERLINK()", 'a "b", c']
    assert rows[1] == ["1970-01-01T00:00:00+00:00", "-1.5", "1.0"]
    assert rows[2][1] == ""
    assert text.count("\r\n") == 4
