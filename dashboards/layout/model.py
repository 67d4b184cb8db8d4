"""A layout as plain values: what panels a dashboard has, what they ask, and where they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

COLUMNS = 12
"""Width of the grid."""
HEIGHT_AT_MOST = 24
"""Of a panel, in rows; a row is 5 rem high."""
PANELS_AT_MOST = 60
"""Panels that are shown: where more were added at once, the lowest are left out."""
ROWS_AT_MOST = PANELS_AT_MOST * HEIGHT_AT_MOST
"""Where the grid ends below, even if the highest panels stand in one column."""
QUERY_KEY = re.compile(r"[a-z][a-z0-9]{0,9}")
"""Of a query of a panel. Pages make a letter and then chance, so that two who add one add two."""
QUERIES_AT_MOST = 12
"""Of a panel. Pages add up to six; more may come together."""
VARIABLES_AT_MOST = 12
TEXT_LENGTH = 20_000
"""Of a text panel, in characters."""
LINE_LENGTH = 300
"""Of a title, a name, a label's value: whatever is one line."""
LISTED_AT_MOST = 100
"""Matchers, labels, thresholds, options of one list; and lines of a panel, its `limit`."""
DECIMALS_AT_MOST = 10

PANEL_ID = re.compile(r"[a-z0-9]{10}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
DURATION = re.compile(r"[1-9][0-9]{0,4}[smhdwMy]")
"""The range before now that a dashboard shows at first."""

FUNCTIONS = (
    "avg", "sum", "min", "max", "last", "count", "rate", "increase", "p50", "p95", "p99",
)  # fmt: skip
ACROSS = ("", "avg", "sum", "min", "max")
OPERATORS = ("=", "!=", "=~", "!~")
OPS = ("+", "-", "*", "/")
LEVELS = ("good", "warn", "bad")
LEGENDS = ("list", "table", "none")
NULLS = ("gap", "connect", "zero")
STYLES = ("line", "area", "bars")
VARIABLE_KINDS = ("label", "custom", "interval")


class PanelKind(StrEnum):
    STAT = "stat"
    TIMESERIES = "timeseries"
    GAUGE = "gauge"
    BARS = "bars"
    TABLE = "table"
    STATUS = "status"
    TEXT = "text"


SIZES = {
    PanelKind.STAT: (3, 2),
    PanelKind.TIMESERIES: (6, 4),
    PanelKind.GAUGE: (3, 3),
    PanelKind.BARS: (4, 4),
    PanelKind.TABLE: (6, 4),
    PanelKind.STATUS: (4, 3),
    PanelKind.TEXT: (4, 3),
}
"""Width and height of a panel that nobody has resized yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel was put: what is stored. Where it is shown, `arrange` derives.

    `x`, `w` and `h` are cells. `y` is the panel's place in the order from the top, any finite
    number: one between those of two others comes to stand between them, and nobody else's changes.
    """

    x: int
    y: float
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Cells:
    """Where a panel is shown, in cells from the top left."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class QuerySpec:
    """One query as a person set it; variables such as `$host` are not put in yet.

    `matchers` are (label, operator, value). `by` is None for each series on its own, else the
    labels that remain. `across` puts the series of a group together; empty: what fits `function`.
    `window` is a time such as `5m`, empty for one step.
    """

    metric: str = ""
    matchers: tuple[tuple[str, str, str], ...] = ()
    by: tuple[str, ...] | None = None
    function: str = "avg"
    across: str = ""
    window: str = ""
    legend: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Formula:
    """Arithmetic between two queries of a panel, by their keys."""

    op: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    `queries` has keys like `QUERY_KEY`, in their order. `thresholds` are (from, level), rising, the
    level one of `LEVELS`. `legend`, `nulls` and `style` are of `LEGENDS`, `NULLS` and `STYLES`.
    """

    id: str
    kind: PanelKind
    title: str
    place: Place
    queries: dict[str, QuerySpec] = field(default_factory=dict)
    formula: Formula | None = None
    unit: str = ""
    decimals: int | None = None
    min: float | None = None
    max: float | None = None
    thresholds: tuple[tuple[float, str], ...] = ()
    legend: str = "list"
    nulls: str = "gap"
    style: str = "line"
    stacked: bool = False
    limit: int = 10
    text: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice for the whole dashboard, put in where a query says `$name`.

    `kind` is `label` (values of `label` in `metric`), `custom` (`options`) or `interval`
    (`options`, times such as `1m`). Empty `default`: the first option, or all where `multi`.
    `order` is its place among the others, any finite number.
    """

    name: str
    kind: str
    label: str = ""
    metric: str = ""
    options: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    multi: bool = False
    order: float = 0.0


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it. `range` such as `1h` is shown at first.

    `panels` are by id, in the order in which they are arranged; `variables` in theirs.
    """

    title: str
    panels: dict[str, Panel]
    variables: tuple[Variable, ...] = ()
    range: str = "1h"
