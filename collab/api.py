"""What every JSON endpoint has in common: who asks, and how errors read."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import reverse
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import NinjaAPI, Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError

from collab import access
from collab.directory import UnknownName
from collab.engine.errors import (
    CollabError,
    EpochChanged,
    LogUnavailable,
    NoSuchRoom,
    Overloaded,
    TooFast,
    UpdateRejected,
)
from collab.history import BadName, NoSuchVersion, NotYourName, TooManyNames
from collab.reference import Reference
from collab.sharing import NotShared

logger = logging.getLogger(__name__)

# The engine's errors at this border: HTTP status and a code for programs.
STATUS: dict[type[CollabError], tuple[int, str]] = {
    UpdateRejected: (422, "update_rejected"),
    NoSuchRoom: (404, "not_found"),
    EpochChanged: (409, "document_reset"),
    LogUnavailable: (503, "database_away"),
    Overloaded: (503, "overloaded"),
    TooFast: (429, "too_fast"),
    NotShared: (409, "not_shared"),
    NoSuchVersion: (404, "not_found"),
    BadName: (422, "bad_name"),
    NotYourName: (403, "not_your_name"),
    TooManyNames: (409, "too_many_names"),
    UnknownName: (422, "unknown_name"),
}
_CODES = {400: "bad_request", 401: "not_authenticated", 403: "forbidden", 404: "not_found",
          405: "method_not_allowed", 413: "too_large", 415: "wrong_content_type",
          500: "server_error"}  # fmt: skip


class ErrorDetail(Schema):
    """`code` is one word for programs, `message` one sentence for a person."""

    code: str
    message: str


class Error(Schema):
    """What every answer from 400 on holds; there may be more fields beside the two."""

    error: ErrorDetail


def errors(*statuses: int) -> dict[Any, Any]:
    """Return the `response=` of an endpoint's errors: those given, and those that all have."""
    return {frozenset({401, 403, 422, 503, *statuses}): Error}


class ApiError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        code: One word for programs.
        message: One sentence for a person.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def error_response(status: int, code: str, message: str, **details: Any) -> HttpResponse:
    """Answer `{"error": {"code", "message", ...}}`; 429 and 503 say when to come back."""
    response = JsonResponse({"error": {"code": code, "message": message, **details}}, status=status)
    if status in (429, 503):
        response["Retry-After"] = "2"
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


async def authenticate(request: HttpRequest) -> Any:
    """Take an API key (`Authorization: Bearer`), or a session with Django's CSRF check.

    A key that is no good is refused even beside a good session. Who only opened a link is let
    through as an anonymous user that `access.abilities` knows.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        owner = await sync_to_async(access.user_of_key)(header)
        if owner is None and await sync_to_async(access.only_sends)(header):
            raise ApiError(
                403, "wrong_scope",
                _("This API key may only send numbers. Make another for everything else."),
            )  # fmt: skip
        if owner is None:
            raise ApiError(401, "bad_key", _("This API key is unknown, revoked, or malformed."))
        return owner
    user = await access.avisitor(request)
    if not user.is_authenticated and not access.links_of(user):
        raise ApiError(
            401, "not_authenticated", _("Log in, or send an API key as “Authorization: Bearer …”.")
        )
    # Ninja marks its views csrf_exempt, which is right for keys; a cookie needs the check.
    reason = _Csrf(lambda _request: HttpResponse()).process_view(request, _checked, (), {})
    if reason is not None:
        raise ApiError(403, "csrf_failed", _("The CSRF check failed: %s") % reason)
    return user


def needs_account(request: HttpRequest) -> Any:
    """Return the user who asks. Raises ApiError for a visitor whom only a link let in."""
    user = request.auth  # type: ignore[attr-defined]
    if not user.is_authenticated:
        raise ApiError(401, "not_authenticated", _("Log in to do this."))
    return user


def _checked(request: HttpRequest) -> HttpResponse:
    """Stand for a view that is not exempt from the CSRF check."""
    return HttpResponse()


_ABOUT = gettext_lazy(
    "Send an API key as “Authorization: Bearer …”; a page of this site sends its session and "
    "Django’s CSRF token instead. A document that is not there and one that you may not see are "
    "both answered with 404. Every error is {“error”: {“code”, “message”}}; 429 and 503 say in "
    "Retry-After when to come back."
)


class Api(NinjaAPI):
    """The site's API; its description says how every endpoint lets callers in."""

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """Return the schema, with the two ways in, which Ninja cannot know of a function."""
        self.description = str(_ABOUT)
        schema = super().get_openapi_schema(**kwargs)
        schema["components"]["securitySchemes"] = {
            "key": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        }
        schema["security"] = [{"key": []}, {"session": []}]
        return schema


api = Api(
    title="Collab", version="1", auth=authenticate, docs=Reference(), docs_url="/docs",
    urls_namespace="api",
)  # fmt: skip


@api.exception_handler(ApiError)
def _api_error(request: HttpRequest, error: ApiError) -> HttpResponse:
    return error_response(error.status, error.code, error.message)


@api.exception_handler(CollabError)
def _collab_error(request: HttpRequest, error: CollabError) -> HttpResponse:
    status, code = STATUS.get(type(error), (400, "refused"))
    message = str(error)
    if isinstance(error, UpdateRejected):
        message = _("This update was refused: %s.") % message.rstrip(".")
    return error_response(status, code, message)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def _database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.warning("The database is away for %s: %s", request.path, error)
    return error_response(503, "database_away", _("The database is away; come back in a moment."))


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return error_response(413, "too_large", _("This request is larger than it may be."))


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0] if error.errors else {}
    # ("query", name) or, for a body, ("body", our parameter's name, field, …).
    place = list(first.get("loc", ()))
    where = ".".join(str(part) for part in place[2 if place[:1] == ["body"] else 1 :])
    if where:
        message = _("“%(field)s” is not right: %(problem)s.") % {
            "field": where, "problem": first.get("msg", _("it cannot be read")),
        }  # fmt: skip
    else:
        # Pydantic names our class there, which says nothing to who sent the body.
        message = _("Send a JSON object in the body.")
    return error_response(422, "invalid", message, fields=error.errors)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    message = f"{str(error).rstrip('.')}."
    return error_response(error.status_code, _CODES.get(error.status_code, "error"), message)


@api.exception_handler(Http404)
def _missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return error_response(404, "not_found", _("There is nothing here that you may see."))


@api.exception_handler(AuthenticationError)
def _unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return error_response(401, "not_authenticated", _("Log in, or send an API key."))


@api.exception_handler(Exception)
def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("Unexpected error in %s", request.path, exc_info=error)
    return error_response(500, "server_error", _("Something went wrong on the server."))


@sync_and_async_middleware
def json_errors(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: errors under the API's address that no endpoint made are JSON, too.

    Django itself answers an unknown path, Ninja a method that is not there, in HTML and text.
    """
    if iscoroutinefunction(get_response):

        async def in_loop(request: HttpRequest) -> HttpResponseBase:
            answer: Awaitable[HttpResponseBase] = get_response(request)
            return _in_json(request, await answer)

        return in_loop
    return lambda request: _in_json(request, get_response(request))


def _in_json(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    if (
        status < 400
        or not isinstance(response, HttpResponse)
        or response.headers["Content-Type"].startswith("application/json")
        or not request.path.startswith(reverse("api:api-root"))
    ):
        return response
    message = {
        404: _("There is nothing here that you may see."),
        405: _("This address does not take %s requests.") % request.method,
        500: _("Something went wrong on the server."),
    }.get(status, _("This request is not one that can be answered."))
    error = {"code": _CODES.get(status, "error"), "message": message}
    response.content = json.dumps({"error": error}).encode()
    response.headers["Content-Type"] = "application/json"
    if "Content-Length" in response.headers:
        response.headers["Content-Length"] = str(len(response.content))
    return response
