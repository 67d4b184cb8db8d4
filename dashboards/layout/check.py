"""What a layout may be that comes as JSON, in a file or by the API: strict, as pydantic models.

What is not understood is an error that names its place, never a default.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from dashboards.layout import model

FORMAT: Final = "collab-dashboard"
VERSION: Final = 1

Line = Annotated[str, Field(max_length=model.LINE_LENGTH)]
Name = Annotated[str, Field(min_length=1, max_length=model.LINE_LENGTH)]
PanelId = Annotated[str, Field(pattern=f"^{model.PANEL_ID.pattern}$")]
Kind = Literal["stat", "timeseries", "gauge", "bars", "table", "status", "text"]
QueryKey = Annotated[str, Field(pattern=f"^{model.QUERY_KEY.pattern}$")]
# JSON has lists where these are pairs and triples.
Matcher = Annotated[tuple[Name, Literal["=", "!=", "=~", "!~"], Line], Field(strict=False)]
Threshold = Annotated[tuple[float, Literal["good", "warn", "bad"]], Field(strict=False)]
Many = Field(max_length=model.LISTED_AT_MOST)


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class QueryFields(Strict):
    """One query of a panel. `by` is null for each series on its own, else the labels that remain.

    `across` says how the series of a group are put together; empty: what fits the function.
    `window` is a time such as `5m`, empty for one step of the chart. Wherever a text is asked for,
    `$name` stands for what was chosen for that variable.
    """

    metric: Line = ""
    matchers: Annotated[list[Matcher], Many] = []
    by: Annotated[list[Name], Many] | None = None
    function: Literal[
        "avg", "sum", "min", "max", "last", "count", "rate", "increase", "p50", "p95", "p99"
    ] = "avg"
    across: Literal["", "avg", "sum", "min", "max"] = ""
    window: Line = ""
    legend: Line = ""
    hidden: bool = False


class FormulaFields(Strict):
    """Arithmetic between two of the panel's queries."""

    op: Literal["+", "-", "*", "/"]
    left: QueryKey
    right: QueryKey


class PanelFields(Strict):
    """What a panel may have. `x`, `w` and `h` are cells of a grid of 12 columns.

    `y` is its place in the order from the top: any number, for instance one between those of two
    other panels. `thresholds` are pairs of a number and the level from there on.
    """

    title: Line = ""
    x: Annotated[int, Field(ge=0, lt=model.COLUMNS)] | None = None
    y: float | None = None
    w: Annotated[int, Field(ge=1, le=model.COLUMNS)] | None = None
    h: Annotated[int, Field(ge=1, le=model.HEIGHT_AT_MOST)] | None = None
    queries: Annotated[dict[QueryKey, QueryFields], Field(max_length=model.QUERIES_AT_MOST)] = {}
    formula: FormulaFields | None = None
    unit: Line = ""
    decimals: Annotated[int, Field(ge=0, le=model.DECIMALS_AT_MOST)] | None = None
    min: float | None = None
    max: float | None = None
    thresholds: Annotated[list[Threshold], Many] = []
    legend: Literal["list", "table", "none"] = "list"
    nulls: Literal["gap", "connect", "zero"] = "gap"
    style: Literal["line", "area", "bars"] = "line"
    stacked: bool = False
    limit: Annotated[int, Field(ge=1, le=model.LISTED_AT_MOST)] = 10
    text: Annotated[str, Field(max_length=model.TEXT_LENGTH)] = ""

    @model_validator(mode="after")
    def _fits(self) -> PanelFields:
        if self.x is not None and self.w is not None and self.x + self.w > model.COLUMNS:
            raise ValueError(f"x and w together may be {model.COLUMNS} at most")
        return self


class PanelChange(PanelFields):
    """What to change of a panel; what is left out stays as it is.

    Of a query the values that are given are changed; a query that is null is removed.
    """

    kind: Kind | None = None
    queries: dict[QueryKey, QueryFields | None] = {}  # type: ignore[assignment]


class NewPanel(PanelFields):
    """A panel to add. Without `y` it comes below the others."""

    kind: Kind

    @model_validator(mode="after")
    def _asks_what_is_there(self) -> NewPanel:
        for side in ("left", "right"):
            key = getattr(self.formula, side, None)
            if key is not None and key not in self.queries:
                raise ValueError(f"formula.{side}: there is no query “{key}”")
        return self


class FilePanel(NewPanel):
    """A panel of a file. Without `id` it is a new one."""

    id: PanelId | None = None


class VariableFields(Strict):
    """A choice for the whole dashboard, put in where a query says `$name`.

    `kind` is `label` (the values of `label` in `metric`), `custom` (`options`) or `interval`
    (`options`, times such as `1m`). Without `default` it is the first option, or all if `multi`.
    """

    name: Annotated[str, Field(pattern=f"^{model.VARIABLE_NAME.pattern}$")]
    kind: Literal["label", "custom", "interval"]
    label: Line = ""
    metric: Line = ""
    options: Annotated[list[Name], Many] = []
    default: Annotated[list[Name], Many] = []
    multi: bool = False


class LayoutFile(Strict):
    """A whole layout. What is left out is as if nobody had set it."""

    format: Literal["collab-dashboard"] = FORMAT
    version: int = VERSION
    title: Line = ""
    range: Annotated[str, Field(pattern=f"^{model.DURATION.pattern}$")] = "1h"
    variables: Annotated[list[VariableFields], Field(max_length=model.VARIABLES_AT_MOST)] = []
    panels: Annotated[list[FilePanel], Field(max_length=model.PANELS_AT_MOST)] = []

    @field_validator("version")
    @classmethod
    def _known(cls, version: int) -> int:
        if version != VERSION:
            raise ValueError(f"only version {VERSION} of the format can be read here")
        return version

    @model_validator(mode="after")
    def _nothing_twice(self) -> LayoutFile:
        _once("panels", (panel.id for panel in self.panels if panel.id is not None))
        _once("variables", (variable.name for variable in self.variables))
        return self


def _once(what: str, found: Iterable[str]) -> None:
    known = set()
    for one in found:
        if one in known:
            raise ValueError(f"{what}: “{one}” is there twice")
        known.add(one)
