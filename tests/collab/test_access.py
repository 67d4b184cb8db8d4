"""Alice owns, Bob edits, Rita reads, Charlie must see nothing; and keys act as their users."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from collab import access, sharing, shelf
from collab.models import ApiKey, Grant, KeyScope, Role
from collab.shelf import View
from documents import actions
from documents.models import Document

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> dict[str, User]:
    """Everybody, and a superuser and an inactive owner."""
    names = ("alice", "bob", "cora", "rita", "charlie", "root", "ivy")
    users = {name: User.objects.create_user(name, password="x") for name in names}
    User.objects.filter(username="root").update(is_superuser=True)
    User.objects.filter(username="ivy").update(is_active=False)
    return {name: User.objects.get(username=name) for name in users}


@pytest.fixture
def document(people: dict[str, User]) -> Document:
    """A document of Alice's."""
    made = actions.create_document(actor=people["alice"], title="Alice's")
    sharing.grant(made.room, people["bob"], Role.EDITOR)
    sharing.grant(made.room, people["cora"], Role.COMMENTER)
    sharing.grant(made.room, people["rita"], Role.READER)
    sharing.grant(made.room, people["ivy"], Role.OWNER)
    return made


@pytest.mark.parametrize(
    ("name", "role", "can"),
    [
        ("alice", Role.OWNER, ["read", "comment", "write", "share"]),
        ("bob", Role.EDITOR, ["read", "comment", "write"]),
        ("cora", Role.COMMENTER, ["read", "comment"]),
        ("rita", Role.READER, ["read"]),
        ("charlie", None, []),
        ("root", Role.OWNER, ["read", "comment", "write", "share"]),
        ("ivy", None, []),
    ],
)
def test_abilities_follow_the_role(
    people: dict[str, User], document: Document, name: str, role: Role | None, can: list[str]
) -> None:
    """Each role may what the one before may, and more."""
    found = asdict(access.abilities(people[name], document))
    assert found.pop("role") == role
    assert [ability for ability, may in found.items() if may] == can


def test_abilities_of_nobody_are_none(document: Document) -> None:
    """Who is not logged in sees nothing."""
    assert access.abilities(AnonymousUser(), document) == access.NOTHING


def test_abilities_take_one_query_at_most(
    people: dict[str, User],
    document: Document,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    """Every request and socket asks."""
    found = Document.objects.get(pk=document.pk)
    for user in people.values():
        with django_assert_max_num_queries(1):
            access.abilities(user, found)


def test_grant_takes_the_place_of_the_one_before(
    people: dict[str, User], document: Document
) -> None:
    """One role per person and document, also in the database."""
    sharing.grant(document.room, people["bob"], Role.READER)
    assert access.abilities(people["bob"], document).role == Role.READER
    assert Grant.objects.filter(room=document.room, user=people["bob"]).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(room=document.room, user=people["bob"], role=Role.OWNER)


def test_grant_of_an_unknown_role_is_refused_by_the_database(
    people: dict[str, User], document: Document
) -> None:
    """A role that nothing knows must not get in by any way."""
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(room=document.room, user=people["charlie"], role="god")


def test_grant_is_for_one_document(people: dict[str, User], document: Document) -> None:
    """Bob edits this one, and sees no other of Alice's."""
    other = actions.create_document(actor=people["alice"])
    assert access.abilities(people["bob"], other) == access.NOTHING


def test_list_shows_what_was_shared_with_its_role(
    people: dict[str, User], document: Document
) -> None:
    """Everybody's list holds their documents, each once, and nobody else's."""
    actions.create_document(actor=people["charlie"], title="Charlie's")
    for name, role in (("alice", "owner"), ("bob", "editor"), ("rita", "reader")):
        view = View.OWNED if role == "owner" else View.SHARED
        shown = shelf.page_of(Document, people[name], view).rows
        assert [(row.shared.title, row.can.role) for row in shown] == [("Alice's", role)]
    assert [one.title for one in Document.objects.shared_with(people["charlie"])] == ["Charlie's"]


# Keys


def test_key_is_stored_as_a_digest_only() -> None:
    """Whoever reads the database cannot act as its users."""
    user = User.objects.create_user("ann")
    key, secret = ApiKey.issue(user, "tests")
    assert secret.startswith(ApiKey.PREFIX)
    assert len(secret) >= len(ApiKey.PREFIX) + 43  # 256 bits in base64
    assert ApiKey.objects.values_list("digest", flat=True).get() == (
        hashlib.sha256(secret.encode()).hexdigest()
    )
    stored = " ".join(str(value) for value in ApiKey.objects.values_list().get())
    assert secret not in stored
    assert key.start == secret[:12]
    assert ApiKey.issue(user, "tests")[1] != secret


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {} "])
def test_key_acts_as_its_user(form: str) -> None:
    """The scheme's case does not matter, by RFC 9110."""
    user = User.objects.create_user("ann")
    _, secret = ApiKey.issue(user, "tests")
    assert access.user_of_key(form.format(secret)) == user


@pytest.mark.parametrize("form", ["{}", "Basic {}", "Token {}", "Bearer", "Bearer x{}", "", "\xff"])
def test_key_in_another_form_is_nobodys(form: str) -> None:
    """Nothing is guessed."""
    _, secret = ApiKey.issue(User.objects.create_user("ann"), "tests")
    assert access.user_of_key(form.format(secret)) is None


def test_key_that_is_revoked_or_of_an_inactive_user_is_nobodys() -> None:
    """Both work at once, for every later request."""
    user = User.objects.create_user("ann")
    key, secret = ApiKey.issue(user, "tests")
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    assert access.user_of_key(f"Bearer {secret}") is None
    _, other = ApiKey.issue(user, "tests")
    User.objects.update(is_active=False)
    assert access.user_of_key(f"Bearer {other}") is None


def test_key_that_only_sends_is_nobodys_elsewhere(people: dict[str, User]) -> None:
    """A sensor's key that leaks opens no document, by no door."""
    _, secret = ApiKey.issue(people["alice"], "sensor", KeyScope.INGEST)
    header = f"Bearer {secret}"
    assert access.user_of_key(header) is None
    assert not access.user_of_scope(scope(Authorization=header)).is_authenticated
    assert access.only_sends(header)
    found = access.key_of(secret, KeyScope.FULL, KeyScope.INGEST)
    assert found is not None
    assert found.user == people["alice"]
    User.objects.update(is_active=False)
    assert not access.only_sends(header)
    assert access.key_of(secret, KeyScope.FULL, KeyScope.INGEST) is None


def test_key_notes_its_use_hourly_at_most(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """The note is for people; a write per request would cost more than the request."""
    key, secret = ApiKey.issue(User.objects.create_user("ann"), "tests")

    def use(queries: int) -> Any:
        with django_assert_num_queries(queries):
            access.user_of_key(f"Bearer {secret}")
        return ApiKey.objects.values_list("last_used_at", flat=True).get()

    first = use(2)
    assert first is not None
    assert use(1) == first
    earlier = timezone.now() - timedelta(minutes=61)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=earlier)
    assert use(2) >= first


# Sockets


def scope(**headers: str) -> dict[str, Any]:
    return {"headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in headers.items()]}


def session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)


def test_socket_belongs_to_its_session(people: dict[str, User]) -> None:
    """As a page would, by the same cookie."""
    cookie = f"other=1; sessionid={session_of(people['alice'])}"
    assert access.user_of_scope(scope(Cookie=cookie)) == people["alice"]


def test_socket_of_a_session_before_a_new_password_is_nobodys(people: dict[str, User]) -> None:
    """Changing a password ends sessions elsewhere, as Django promises."""
    cookie = f"sessionid={session_of(people['alice'])}"
    people["alice"].set_password("new")
    people["alice"].save()
    assert not access.user_of_scope(scope(Cookie=cookie)).is_authenticated


def test_socket_leaves_a_session_of_an_old_secret_key_to_the_next_page(
    people: dict[str, User], settings: Any
) -> None:
    """After the secret key was changed, a page that reconnects does not log its browser out."""
    browser = Client()
    browser.force_login(people["alice"])
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "x" * 50
    handshake = scope(cookie=f"sessionid={browser.cookies['sessionid'].value}")
    assert access.user_of_scope(handshake) == people["alice"]
    assert handshake["collab.credential"].auth_hash == people["alice"].get_session_auth_hash()
    assert browser.get("/").status_code == 200


def test_socket_with_a_bad_key_beside_a_good_session_is_nobodys(people: dict[str, User]) -> None:
    """A program whose key was revoked must notice."""
    cookie = f"sessionid={session_of(people['alice'])}"
    asked = scope(Cookie=cookie, Authorization="Bearer collab_no")
    assert not access.user_of_scope(asked).is_authenticated


def test_socket_takes_the_user_of_a_host_projects_middleware(people: dict[str, User]) -> None:
    """A project may log sockets in its own way."""
    assert access.user_of_scope(scope() | {"user": people["bob"]}) == people["bob"]
