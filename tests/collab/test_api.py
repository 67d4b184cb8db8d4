"""What the API's border does with errors that no request should meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.test import AsyncClient, Client, RequestFactory

from collab.api import STATUS, json_errors
from collab.engine import errors
from collab.models import ApiKey
from documents import actions

if TYPE_CHECKING:
    from pytest_django import Settings


async def create(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> Any:
    """Ask for a document while creating one raises an error."""
    user = await User.objects.acreate(username="ann")
    _, secret = await sync_to_async(ApiKey.issue)(user, "tests")

    def fail(**_: object) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(actions, "create_document", fail)
    return await AsyncClient().post(
        "/api/documents",
        {"title": "x"},
        content_type="application/json",
        headers={"authorization": f"Bearer {secret}"},
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("secret detail"), 500, "server_error"),
        (OperationalError("secret detail"), 503, "database_away"),
        (InterfaceError("secret detail"), 503, "database_away"),
        (errors.LogUnavailable("The database is away."), 503, "database_away"),
        (errors.Overloaded("Come back later."), 503, "overloaded"),
        (errors.TooFast("Too much."), 429, "too_fast"),
        (errors.NoSuchRoom("Deleted."), 404, "not_found"),
        (errors.EpochChanged("Reset."), 409, "document_reset"),
        (errors.UpdateRejected("the update is truncated", offset=3), 422, "update_rejected"),
        (errors.FrameMalformed("None of ours."), 400, "refused"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_error_is_json_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    """A status, a code for programs and words for people; no detail of ours, no HTML."""
    answer = await create(monkeypatch, error)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    message = answer.json()["error"]["message"]
    assert message[0].isupper()
    assert message.endswith(".")
    assert "secret" not in message
    assert ("Retry-After" in answer.headers) is (status in (429, 503))


@pytest.mark.django_db(transaction=True)
async def test_body_over_djangos_bound_is_413(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Django raises in the middle of Ninja's parser; a client must not take it for our fault."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5
    answer = await create(monkeypatch, None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_statuses_are_of_errors_with_distinct_codes() -> None:
    """A program can tell apart what it must handle differently; what is not there is one thing."""
    assert all(issubclass(error, errors.CollabError) for error in STATUS)
    codes = [code for status, code in STATUS.values() if status != 404]
    assert len(set(codes)) == len(codes)


@pytest.fixture
def get_response() -> Callable[[Any], HttpResponse]:
    """A site that answers every request with the same HTML error."""

    def answer(request: Any) -> HttpResponse:
        return HttpResponse("<h1>No</h1>", status=418, headers={"Content-Length": "11"})

    return answer


def test_html_errors_become_json_under_the_api_only(
    get_response: Callable[[Any], HttpResponse],
) -> None:
    """In a synchronous stack too; pages keep theirs."""
    wrapped = json_errors(get_response)
    page = wrapped(RequestFactory().get("/documents/"))
    assert page.content == b"<h1>No</h1>"
    answer = wrapped(RequestFactory().get("/api/documents"))
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.content)


@pytest.mark.django_db
def test_unknown_host_is_400_in_json(settings: Settings) -> None:
    """Django refuses the Host before any endpoint sees the request."""
    answer = Client(headers={"host": "evil.example"}).get("/api/documents")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
