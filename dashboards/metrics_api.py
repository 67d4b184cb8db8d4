"""Numbers over HTTP: which there are, by name and labels."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from collab.api import errors, needs_account
from dashboards import query_api, store
from dashboards.readers import Text, matchers_of, read
from dashboards.series.ports import Metric

router = Router(tags=["metrics"])
router.add_router("", query_api.router)

_LISTED = 100
_MOST_LISTED = 1000

Matchers = Annotated[list[Text], Query(max_length=50)]


class MetricOut(Schema):
    """A metric: `series` is how many there are of it, `labels` the names of all their labels."""

    name: str
    kind: Literal["gauge", "counter", "bucket", "quantile"]
    unit: str
    series: int
    labels: list[str]


class MetricPage(Schema):
    """Some metrics by name; `next` is the `after` of those that follow, or null."""

    metrics: list[MetricOut]
    next: str | None


class SeriesOut(Schema):
    """One series of a metric."""

    labels: dict[str, str]
    kind: Literal["gauge", "counter", "bucket", "quantile"]
    unit: str


class SeriesList(Schema):
    """All series that match."""

    series: list[SeriesOut]


class LabelValues(Schema):
    """The values of a label, in order of the alphabet; `more` tells whether there are others."""

    values: list[str]
    more: bool


@router.get("/metrics", response={200: MetricPage, **errors()}, summary="List metrics")
async def metrics(
    request: HttpRequest,
    search: Text = "",
    after: Text = "",
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _LISTED,
) -> Any:
    """List the metrics that there are numbers of, by name, those whose name holds `search`."""
    needs_account(request)
    found = await read(lambda: store.current().metrics(search, after=after, limit=limit + 1))
    listed = found[:limit]
    more = listed[-1].name if len(found) > limit else None
    return {"metrics": [_metric(one) for one in listed], "next": more}


@router.get(
    "/metrics/{path:name}/series",
    response={200: SeriesList, **errors()},
    summary="List the series of a metric",
)
async def series(
    request: HttpRequest,
    name: str,
    match: Matchers = [],  # noqa: B006 - Ninja copies defaults
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _MOST_LISTED,
) -> Any:
    """List the labels of a metric's series, of those that match. More than `limit` are refused."""
    needs_account(request)

    found = await read(lambda: store.current().find(name, matchers_of(match), limit=limit))
    listed = sorted(found, key=lambda one: one.labels)
    return {"series": [
        {"labels": dict(one.labels), "kind": one.kind, "unit": one.unit} for one in listed
    ]}  # fmt: skip


@router.get(
    "/labels/{path:label}/values",
    response={200: LabelValues, **errors()},
    summary="List the values of a label",
)
async def values(
    request: HttpRequest,
    label: str,
    metric: Text = "",
    limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _MOST_LISTED,
) -> Any:
    """List the values that a label has in one metric's series, or in all."""
    needs_account(request)
    found = await read(lambda: store.current().values(label, metric, limit=limit + 1))
    return {"values": found[:limit], "more": len(found) > limit}


def _metric(one: Metric) -> dict[str, Any]:
    return {
        "name": one.name, "kind": one.kind, "unit": one.unit, "series": one.series,
        "labels": list(one.labels),
    }  # fmt: skip
