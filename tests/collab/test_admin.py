"""The admin: every model opens, and a key's secret is shown once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from collab import access, sharing
from collab.models import ApiKey, Grant, Role, Room
from documents import actions
from documents.models import Document

pytestmark = pytest.mark.django_db
MODELS = [
    model for model in admin.site._registry if model._meta.app_label in ("collab", "documents")
]


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def client(root: User) -> Client:
    """Root's browser, on a site with one of everything."""
    document = actions.create_document(actor=root, title="<b>Plans</b>")
    sharing.grant(document.room, User.objects.create_user("bob"), Role.EDITOR)
    ApiKey.issue(root, "backup")
    browser = Client()
    browser.force_login(root)
    return browser


def address(model: type, page: str, *arguments: object) -> str:
    options = model._meta  # type: ignore[attr-defined]
    return reverse(f"admin:{options.app_label}_{options.model_name}_{page}", args=arguments)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_and_forms_open(client: Client, model: type) -> None:
    """With a search, and with text as text."""
    shown = client.get(address(model, "changelist"), {"q": "x"} if model is not Room else {})
    assert shown.status_code == 200
    one = model._default_manager.first()  # type: ignore[attr-defined]
    form = client.get(address(model, "change", one.pk))
    assert form.status_code == 200
    assert "<b>Plans</b>" not in form.content.decode()


def test_models_that_people_manage_are_there() -> None:
    """The log is not: only `collab.log` writes it."""
    assert {model.__name__ for model in MODELS} >= {"Room", "ApiKey", "Document"}
    hidden = {"StoredUpdate", "Snapshot"}
    assert {model.__name__ for model in apps.get_app_config("collab").get_models()} >= hidden
    assert not {model.__name__ for model in MODELS} & hidden


@pytest.mark.parametrize("model", [Room, Document])
def test_rooms_and_documents_are_not_added_here(client: Client, model: type) -> None:
    """They come with their content, by `actions`."""
    assert client.get(address(model, "add")).status_code == 403


def test_issued_key_shows_its_secret_once(client: Client, root: User) -> None:
    """On the page that follows, and never again; it works."""
    form = {"user": root.pk, "name": "robot", "scope": "full"}
    page = client.post(address(ApiKey, "add"), form, follow=True)
    secrets = set(re.findall(r"collab_[\w-]{43}", page.content.decode()))
    assert len(secrets) == 1
    secret = secrets.pop()
    assert access.user_of_key(f"Bearer {secret}") == root
    assert ApiKey.objects.filter(name="robot").count() == 1
    assert secret not in client.get(address(ApiKey, "changelist")).content.decode()
    key = ApiKey.objects.get(name="robot")
    assert secret not in client.get(address(ApiKey, "change", key.pk)).content.decode()


def test_key_keeps_the_scope_that_it_was_issued_with(client: Client, root: User) -> None:
    """Who was given it to send numbers must not be given more by it."""
    form = {"user": root.pk, "name": "sensor", "scope": "ingest"}
    client.post(address(ApiKey, "add"), form)
    key = ApiKey.objects.get(name="sensor")
    assert key.scope == "ingest"
    client.post(address(ApiKey, "change", key.pk), {**form, "scope": "full"})
    key.refresh_from_db()
    assert key.scope == "ingest"
    assert "Sending numbers only" in client.get(address(ApiKey, "changelist")).content.decode()


def test_renamed_key_stays_the_same_key(client: Client, root: User) -> None:
    """Saving the form issues no other."""
    key, secret = ApiKey.issue(root, "old")
    client.post(address(ApiKey, "change", key.pk), {"user": root.pk, "name": "new"})
    key.refresh_from_db()
    assert key.name == "new"
    assert access.user_of_key(f"Bearer {secret}") == root


def test_revoked_keys_open_nothing_and_stay_listed(client: Client, root: User) -> None:
    """The time of the first revocation is kept."""
    key, secret = ApiKey.issue(root, "lost")
    action = {"action": "revoke", "_selected_action": [key.pk]}
    client.post(address(ApiKey, "changelist"), action)
    assert access.user_of_key(f"Bearer {secret}") is None
    first = ApiKey.objects.get(pk=key.pk).revoked_at
    client.post(address(ApiKey, "changelist"), action)
    assert ApiKey.objects.get(pk=key.pk).revoked_at == first is not None


def test_room_shows_and_changes_who_is_in_it(client: Client) -> None:
    """Grants are edited beside their room."""
    room, carla = Room.objects.get(), User.objects.create_user("carla")
    prefix = {"grants-TOTAL_FORMS": 3, "grants-INITIAL_FORMS": 2}
    for n, grant in enumerate(Grant.objects.order_by("pk")):
        prefix |= {f"grants-{n}-id": grant.pk, f"grants-{n}-room": room.pk,
                   f"grants-{n}-user": grant.user_id, f"grants-{n}-role": grant.role}  # fmt: skip
    prefix |= {"grants-2-room": room.pk, "grants-2-user": carla.pk, "grants-2-role": "reader"}
    answer = client.post(address(Room, "change", room.pk), prefix)
    assert answer.status_code == 302, answer.content.decode()
    assert access.abilities(carla, Document.objects.get()).role == Role.READER


def test_room_keeps_an_owner(client: Client, root: User) -> None:
    """The last one is neither removed nor given a lesser role; ownership can be handed over."""
    room = Room.objects.get()
    mine, bobs = room.grants.get(user=root), room.grants.exclude(user=root).get()

    def save(**wanted: str) -> Any:
        form = {"grants-TOTAL_FORMS": 2, "grants-INITIAL_FORMS": 2}
        for n, grant in enumerate((mine, bobs)):
            form |= {f"grants-{n}-id": grant.pk, f"grants-{n}-room": room.pk,
                     f"grants-{n}-user": grant.user_id, f"grants-{n}-role": grant.role}  # fmt: skip
        return client.post(address(Room, "change", room.pk), form | wanted)

    for wanted in ({"grants-0-DELETE": "on"}, {"grants-0-role": "editor"}):
        assert "Somebody must own it" in save(**wanted).content.decode()
        assert room.grants.get(role=Role.OWNER) == mine
    assert save(**{"grants-0-DELETE": "on", "grants-1-role": "owner"}).status_code == 302
    assert room.grants.get() == bobs


def test_staff_without_rights_sees_nothing_here() -> None:
    """Being staff is not being superuser."""
    browser = Client()
    browser.force_login(User.objects.create_user("sam", is_staff=True))
    for model in MODELS:
        assert browser.get(address(model, "changelist")).status_code == 403
