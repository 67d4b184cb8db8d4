"""Documents over HTTP: lists in pages, names, the trash."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from collab import sharing
from collab.models import Role
from documents import actions
from documents.models import Document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def api(alice: User) -> Client:
    """Alice's browser."""
    browser = Client()
    browser.force_login(alice)
    return browser


def listed(api: Client, **query: Any) -> Any:
    answer = api.get("/api/documents", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def titles(page: Any) -> list[str]:
    return [one["title"] for one in page["documents"]]


def send(api: Client, method: str, path: str, body: Any = None) -> Any:
    data = "" if body is None else json.dumps(body)
    return api.generic(method, path, data=data, content_type="application/json")


def test_lists_are_by_who_owns_and_who_shares(alice: User, api: Client) -> None:
    """Each document once, with the highest role that the asker has in it."""
    bob, crew = User.objects.create_user("bob"), Group.objects.create(name="crew")
    crew.user_set.add(alice)
    actions.create_document(actor=alice, title="mine")
    lent = actions.create_document(actor=bob, title="lent")
    sharing.grant(lent.room, alice, Role.READER)
    sharing.grant_group(lent.room, crew, Role.EDITOR)
    actions.create_document(actor=bob, title="Bob's own")
    thrown = actions.create_document(actor=alice, title="thrown")
    actions.trash(actor=alice, shared=thrown)
    assert titles(listed(api)) == ["lent", "mine"]
    assert [one["role"] for one in listed(api)["documents"]] == ["editor", "owner"]
    assert titles(listed(api, view="owned")) == ["mine"]
    assert titles(listed(api, view="shared")) == ["lent"]
    assert titles(listed(api, view="trash")) == ["thrown"]
    assert listed(api, view="trash")["documents"][0]["trashed_at"] is not None


def test_pages_follow_each_other_without_a_gap(alice: User, api: Client) -> None:
    """Also while documents are edited, and with a cursor that is none."""
    made = [actions.create_document(actor=alice, title=str(n)) for n in range(7)]
    same = made[0].updated_at
    Document.objects.update(updated_at=same)
    seen, cursor = [], ""
    while cursor is not None:
        page = listed(api, limit=3, cursor=cursor)
        seen += titles(page)
        cursor = page["next"]
    assert sorted(seen) == [str(n) for n in range(7)]
    assert len(listed(api, cursor="nonsense")["documents"]) == 7
    for query in ({"limit": 0}, {"limit": 101}, {"view": "x"}, {"cursor": "x" * 101}):
        assert api.get("/api/documents", query).status_code == 422


def test_a_document_is_renamed_trashed_restored_and_deleted(alice: User, api: Client) -> None:
    """Each by one request, and for good only from the trash."""
    document = actions.create_document(actor=alice, title="Plans")
    path = f"/api/documents/{document.pk}"
    assert send(api, "PATCH", path, {"title": " New\nname "}).json()["title"] == "New name"
    assert b"New name" in api.get(f"{path}/content?format=yjs").content
    refused = send(api, "DELETE", f"{path}?forever=true")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_in_trash")
    assert send(api, "DELETE", path).status_code == 204
    renamed = send(api, "PATCH", path, {"title": "In the trash"})
    assert renamed.status_code == 403
    restored = send(api, "PATCH", path, {"trashed": False, "title": "Back"}).json()
    assert (restored["title"], restored["trashed_at"]) == ("Back", None)
    assert send(api, "PATCH", path, {"trashed": True}).json()["trashed_at"] is not None
    assert send(api, "DELETE", f"{path}?forever=true").status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    "body", [{"titel": "x"}, {"title": 1}, {"title": "x" * 301}, {"trashed": "perhaps"}, [], None]
)
def test_a_change_that_is_none_is_422(alice: User, api: Client, body: Any) -> None:
    """A misspelt field is no wish fulfilled."""
    document = actions.create_document(actor=alice, title="Plans")
    answer = send(api, "PATCH", f"/api/documents/{document.pk}", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


def test_the_list_takes_three_queries(
    alice: User, api: Client, django_assert_max_num_queries: Any
) -> None:
    """However many documents there are: beside session and user, the page and its roles."""
    for count in (1, 30):
        for _ in range(count):
            actions.create_document(actor=alice)
        with django_assert_max_num_queries(4):
            listed(api)
