"""Where senders push numbers: each is answered as the program that it takes us for would answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from math import ceil
from typing import Any, Protocol

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from dashboards.ingest import exposition, influx, lines, otlp
from dashboards.ingest.batch import Batch, Refusal
from dashboards.ingest.errors import IngestError, Malformed, TooLarge, UnknownEncoding
from dashboards.ingest.points import Memory
from dashboards.intake import Undo, take
from dashboards.recording import QueueFull, TooManyForKey, TooOld
from dashboards.senders import Senders
from dashboards.series.ports import StoreAway

logger = logging.getLogger(__name__)

_STATUS: dict[type[IngestError], int] = {Malformed: 400, TooLarge: 413, UnknownEncoding: 415}
# A key's bound on series is raised or made room under by people.
_FULL_RETRY_S = 60
_AWAY_RETRY_S = 5

senders = Senders()
memory = Memory()


class No(Exception):
    """Why a request is not taken.

    Args:
        status: HTTP status.
        message: A sentence for who runs the sender.
        line: Number of the first line that is wrong, where that is known.
        retry_s: When to come back; None for never with the same.
        batch: What was read, if it was.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        line: int | None = None,
        retry_s: int | None = None,
        batch: Batch | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.line = line
        self.retry_s = retry_s
        self.batch = batch


def _no(error: Exception) -> No:
    """Translate what can go wrong into an answer, once for all formats."""
    if isinstance(error, No):
        return error
    if isinstance(error, IngestError):
        return No(_STATUS.get(type(error), 400), str(error), line=getattr(error, "line", None))
    if isinstance(error, QueueFull):
        message = _("More comes in than can be stored; come back in a moment.")
        return No(429, message, retry_s=max(1, ceil(error.retry_after_s)))
    if isinstance(error, TooManyForKey):
        return No(429, str(error), retry_s=_FULL_RETRY_S)
    if isinstance(error, TooOld):
        # It was read before a midnight, or before the retention was made shorter: read again, each
        # line that is too old is refused by itself.
        return No(
            503, _("The time for which numbers are kept has moved on; send it again."), retry_s=1
        )
    if isinstance(error, (StoreAway, OperationalError, InterfaceError)):
        return No(503, _("The database is away; come back in a moment."), retry_s=_AWAY_RETRY_S)
    logger.error("Unexpected error in ingest", exc_info=error)
    return No(500, _("Something went wrong on the server."))


class Shape(Protocol):
    """Writes a refusal as a format's senders expect it."""

    def __call__(self, request: HttpRequest, no: No) -> HttpResponse: ...


View = Callable[..., Coroutine[Any, Any, HttpResponse]]


def ingest(shape: Shape, *methods: str) -> Callable[[View], View]:
    """Make a view that takes numbers: it is called with the sender's key as second argument."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        async def answer(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise No(405, _("This address takes %s.") % ", ".join(methods))
                key = await senders.find(request)
                if key is None:
                    raise No(401, _("Send an API key of this site that is not revoked."))
                return await view(request, key, **kwargs)
            except Exception as error:
                no = _no(error)
                response = shape(request, no)
            if no.retry_s is not None:
                response["Retry-After"] = str(no.retry_s)
            if no.status == 401:
                response["WWW-Authenticate"] = 'Basic realm="ingest", charset="UTF-8"'
            if no.status == 405:
                response["Allow"] = ", ".join(methods)
            return response

        return answer

    return decorate


# JSON


_CODES = {
    400: "bad_request", 401: "not_authenticated", 405: "method_not_allowed", 413: "too_large",
    415: "wrong_content_type", 429: "too_many", 500: "server_error", 503: "database_away",
}  # fmt: skip


def _as_api(request: HttpRequest, no: No) -> HttpResponse:
    error = {"code": _CODES.get(no.status, "error"), "message": no.message}
    found: dict[str, Any] = {"error": error}
    if no.batch is not None:
        found |= _outcome(no.batch, stored=0)
    elif no.line is not None:
        error["line"] = no.line  # type: ignore[assignment]
    return JsonResponse(found, status=no.status)


def _outcome(batch: Batch, *, stored: int) -> dict[str, Any]:
    refused = [{"line": each.line, "message": each.message} for each in batch.refusals]
    return {"stored": stored, "refused": batch.refused, "errors": refused}


@ingest(_as_api, "POST")
async def json(request: HttpRequest, key: int) -> HttpResponse:
    """Take JSON: an object, an array of them, or one on each line."""

    def read(body: bytes, batch: Batch) -> None:
        lines.parse(body, batch)
        if not batch.readings:
            raise No(400, _("There is nothing in it that could be stored."), batch=batch)

    batch = await take(request, key, "json", read)
    return JsonResponse(_outcome(batch, stored=len(batch.readings)))


# Pushgateway


def _as_pushgateway(request: HttpRequest, no: No) -> HttpResponse:
    return HttpResponse(f"{no.message}\n", status=no.status, content_type="text/plain")


@ingest(_as_pushgateway, "PUT", "POST", "DELETE")
async def pushgateway(request: HttpRequest, key: int, grouping: str) -> HttpResponse:
    """Take a push of Prometheus's text: whole, or not at all.

    There is no group to replace: PUT and POST add samples, DELETE is answered and deletes nothing.
    """
    labels = exposition.grouping(grouping)
    if request.method == "DELETE":
        return HttpResponse(status=202)
    content_type = request.headers.get("Content-Type", "")

    def read(body: bytes, batch: Batch) -> None:
        exposition.parse(body, batch, content_type, labels)
        if batch.refused:
            raise No(400, _summary(batch))

    await take(request, key, "prometheus", read)
    return HttpResponse(status=200)


# OpenTelemetry


def _as_otlp(request: HttpRequest, no: No) -> HttpResponse:
    kind = otlp.format_of(request.headers.get("Content-Type", "")) or otlp.PROTOBUF
    return HttpResponse(otlp.error(no.message, kind), status=no.status, content_type=kind)


@ingest(_as_otlp, "POST")
async def otlp_metrics(request: HttpRequest, key: int) -> HttpResponse:
    """Take an ExportMetricsServiceRequest in protobuf or JSON."""
    content_type = request.headers.get("Content-Type", "")

    def read(body: bytes, batch: Batch) -> Undo:
        return otlp.parse(otlp.decode(body, content_type), batch, memory).forget

    batch = await take(request, key, "otlp", read)
    kind = otlp.format_of(content_type) or otlp.PROTOBUF
    return HttpResponse(otlp.answer(batch, kind), content_type=kind)


# Influx


_INFLUX_CODES = {
    400: "invalid", 401: "unauthorized", 405: "method not allowed", 413: "request too large",
    415: "unsupported media type", 429: "too many requests", 500: "internal error",
    503: "unavailable",
}  # fmt: skip


def _as_influx(request: HttpRequest, no: No) -> HttpResponse:
    error: dict[str, Any] = {"code": _INFLUX_CODES.get(no.status, "invalid"), "message": no.message}
    if no.line is not None:
        error["line"] = no.line
    return JsonResponse(error, status=no.status)


@ingest(_as_influx, "POST")
async def influx_write(request: HttpRequest, key: int) -> HttpResponse:
    """Take line protocol. Good lines are stored even where others are refused, as Influx does."""
    precision = request.GET.get("precision", "ns")

    def read(body: bytes, batch: Batch) -> None:
        influx.parse(body, batch, precision)

    batch = await take(request, key, "influx", read)
    if batch.refused:
        message = _("partial write: %(stored)d values stored; %(refusals)s") % {
            "stored": len(batch.readings), "refusals": _summary(batch),
        }  # fmt: skip
        raise No(400, message, line=batch.refusals[0].line)
    return HttpResponse(status=204)


async def influx_ping(request: HttpRequest) -> HttpResponse:
    """Say that writing works here, to those who ask before they write. Needs no key."""
    return HttpResponse(status=204)


async def influx_health(request: HttpRequest) -> HttpResponse:
    """Say the same in the words of version 2."""
    return JsonResponse({"name": "collab", "status": "pass", "message": "ready for writes"})


def _summary(batch: Batch) -> str:
    """Write what was refused in one sentence, the first few named."""
    named = "; ".join(map(_shown, batch.refusals))
    more = batch.refused - len(batch.refusals)
    return f"{named}; {_('and %d more') % more}" if more else named


def _shown(refusal: Refusal) -> str:
    if refusal.line is None:
        return refusal.message
    return _("line %(line)d: %(message)s") % {"line": refusal.line, "message": refusal.message}
