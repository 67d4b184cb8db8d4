"""Grants over HTTP: people, groups and links, for owners only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from collab import access, sharing
from collab.models import Grant, Role
from documents import actions
from documents.models import Document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people() -> dict[str, User]:
    names = ("alice", "bob", "zoe")
    return {name: User.objects.create_user(name, f"{name}@example.org") for name in names}


@pytest.fixture
def document(people: dict[str, User]) -> Document:
    made = actions.create_document(actor=people["alice"], title="Plans")
    sharing.grant(made.room, people["bob"], Role.EDITOR)
    return made


@pytest.fixture
def api(people: dict[str, User]) -> Client:
    """Alice's browser."""
    browser = Client()
    browser.force_login(people["alice"])
    return browser


def send(api: Client, method: str, path: str, **body: Any) -> Any:
    return api.generic(method, path, data=json.dumps(body), content_type="application/json")


def grants_of(document: Document) -> str:
    return f"/api/documents/{document.pk}/grants"


def test_a_person_is_found_by_name_or_address_and_never_listed(
    people: dict[str, User], document: Document, api: Client
) -> None:
    """The names are exact; upper and lower case of an address are one."""
    path = grants_of(document)
    made = send(api, "POST", path, user="ZOE@example.org", role="commenter")
    assert made.status_code == 201, made.content
    assert made.json() | {"id": 0, "created_at": ""} == {
        "id": 0, "role": "commenter", "user": "zoe", "group": None, "url": None,
        "expires_at": None, "created_at": "",
    }  # fmt: skip
    again = send(api, "POST", path, user="zoe", role="editor").json()
    assert (again["id"], again["role"]) == (made.json()["id"], "editor")
    User.objects.create_user("idle", is_active=False)
    User.objects.create_user("twin", "zoe@EXAMPLE.org")
    for name in ("nobody", "zo", "zoe%", "idle", "\0", "zoe@example.org", "x" * 254):
        refused = send(api, "POST", path, user=name, role="reader")
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unknown_name")
    roles = {one["user"]: one["role"] for one in api.get(path).json()["grants"]}
    assert roles == {"alice": "owner", "bob": "editor", "zoe": "editor"}


def test_a_group_is_found_by_who_is_in_it_and_by_staff(
    people: dict[str, User], document: Document, api: Client
) -> None:
    """Others cannot find out that it exists."""
    crew = Group.objects.create(name="crew")
    crew.user_set.add(people["zoe"])
    refused = send(api, "POST", grants_of(document), group="crew", role="reader")
    unknown = send(api, "POST", grants_of(document), group="no such", role="reader")
    assert refused.status_code == unknown.status_code == 422
    crew.user_set.add(people["alice"])
    assert send(api, "POST", grants_of(document), group="crew", role="editor").status_code == 201
    assert access.abilities(people["zoe"], document).write
    crew.user_set.remove(people["alice"])
    User.objects.filter(pk=people["alice"].pk).update(is_staff=True)
    assert send(api, "POST", grants_of(document), group="crew", role="reader").status_code == 201


def test_a_link_has_an_address_and_may_end(document: Document, api: Client) -> None:
    """It opens the document for anybody until it is withdrawn."""
    end = timezone.now() + timedelta(days=2)
    path = grants_of(document)
    made = send(api, "POST", path, link=True, role="editor", expires_at=end.isoformat()).json()
    assert made["expires_at"].startswith(end.isoformat()[:19])
    guest = Client()
    assert guest.get(made["url"].partition("testserver")[2]).status_code == 302
    assert guest.get(f"/api/documents/{document.pk}").json()["role"] == "editor"
    assert send(api, "PATCH", f"{path}/{made['id']}", role="reader").json()["role"] == "reader"
    assert send(api, "DELETE", f"{path}/{made['id']}").status_code == 204
    assert guest.get(f"/api/documents/{document.pk}").status_code == 404
    assert send(api, "DELETE", f"{path}/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role": "reader"}, 422, "invalid"),
        ({"role": "reader", "user": "bob", "link": True}, 422, "invalid"),
        ({"role": "reader", "link": False}, 422, "invalid"),
        ({"role": "god", "user": "bob"}, 422, "invalid"),
        ({"role": "reader", "user": ""}, 422, "invalid"),
        ({"role": "reader", "user": "bob", "expires_at": "2999-01-01T00:00:00Z"}, 422, "invalid"),
        ({"role": "reader", "link": True, "expires_at": "2020-01-01T00:00:00Z"}, 422, "invalid"),
        ({"role": "reader", "link": True, "expires_at": "2999-01-01T00:00:00"}, 422, "invalid"),
        ({"role": "reader", "link": True, "expires_at": "2999-01-01T00:00:00Z"}, 422, "invalid"),
        ({"role": "reader", "link": True, "expires_at": "9999-12-31T23:59:59Z"}, 422, "invalid"),
        ({"role": "reader", "link": True, "expires": "soon"}, 422, "invalid"),
        ({"role": "owner", "link": True}, 409, "not_shared"),
        ({"role": "reader", "user": "alice"}, 409, "not_shared"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_grant_that_may_not_be_changes_nothing(
    document: Document, api: Client, body: dict[str, Any], status: int, code: str
) -> None:
    """The last owner's own role is not taken by naming them again, either."""
    before = list(Grant.objects.values_list("pk", "role"))
    refused = send(api, "POST", grants_of(document), **body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert list(Grant.objects.values_list("pk", "role")) == before


def test_somebody_stays_the_owner(people: dict[str, User], document: Document, api: Client) -> None:
    """The last one cannot be demoted or withdrawn; one of two can."""
    own = Grant.objects.get(user=people["alice"])
    path = f"{grants_of(document)}/{own.pk}"
    for refused in (send(api, "PATCH", path, role="editor"), send(api, "DELETE", path)):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_shared")
        assert "Somebody must own it" in refused.json()["error"]["message"]
    send(api, "POST", grants_of(document), user="bob", role="owner")
    assert send(api, "DELETE", path).status_code == 204
    assert api.get(grants_of(document)).status_code == 404
