"""`collab share`: people, groups and links, from the command line."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from collab.models import Grant, Role
from documents import actions
from documents.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def document() -> Document:
    """A document of Alice's; there are Bob and a group, too."""
    User.objects.create_user("bob")
    Group.objects.create(name="crew")
    return actions.create_document(actor=User.objects.create_user("alice"), title="Plans")


def share(document: Document, *arguments: str) -> str:
    out = io.StringIO()
    call_command("share", str(document.pk), *arguments, stdout=out)
    return out.getvalue().strip()


def test_people_and_groups_get_roles_and_lose_them(document: Document) -> None:
    """One line says what was done, and without a name who has which."""
    assert share(document, "bob", "commenter") == "bob is commenter of “Plans”."
    assert share(document, "crew", "editor", "--group") == "crew is editor of “Plans”."
    assert [line.split() for line in share(document).splitlines()] == [
        ["owner", "user", "alice"], ["commenter", "user", "bob"], ["editor", "group", "crew"],
    ]  # fmt: skip
    assert share(document, "bob", "none") == "bob has no role in “Plans” any more."
    share(document, "crew", "none", "--group")
    assert [grant.role for grant in Grant.objects.all()] == [Role.OWNER]


def test_a_link_is_printed_and_opens_the_document(document: Document) -> None:
    """For as many days as were asked for."""
    address = share(document, "--link", "editor", "--days", "3")
    guest = Client()
    assert guest.get(address).status_code == 302
    assert guest.get(document.get_absolute_url()).context["role"] == "editor"
    end = Grant.objects.get(role="editor").expires_at
    assert end is not None
    assert abs(end - timezone.now() - timedelta(days=3)) < timedelta(minutes=1)
    assert address in share(document)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bob"], "Give a role for 'bob'"),
        (["bob", "reader", "--link", "reader"], "Give a USER and a ROLE, or --link"),
        (["bob", "reader", "--days", "3"], "Give a USER and a ROLE, or --link"),
        (["--link", "reader", "--days", "0"], "--days must be from 1"),
        (["bob", "reader", "--group"], "There is no group 'bob'."),
        (["crew", "reader"], "There is no user 'crew'."),
        (["bob", "none"], "bob has no role"),
        (["alice", "none"], "Somebody must own it"),
        (["alice", "editor"], "Somebody must own it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_says_so(document: Document, arguments: list[str], says: str) -> None:
    """And changes nothing."""
    with pytest.raises(CommandError, match=says):
        share(document, *arguments)
    assert Grant.objects.count() == 1
