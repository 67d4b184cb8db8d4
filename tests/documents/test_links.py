"""Links: whoever opens one gets in by it, while it lives, and its token stays where it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from collab import access, sharing
from collab.access import SESSION_LINKS
from collab.models import Grant, Role
from documents import actions
from documents.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", password="pw")


@pytest.fixture
def document(alice: User) -> Document:
    return actions.create_document(actor=alice, title="Plans")


def link_to(document: Document, role: Role = Role.READER, **age: Any) -> Grant:
    """Make a link; with `hours` it expires in so many."""
    expires_at = timezone.now() + timedelta(**age) if age else None
    return sharing.create_link(document.room, role, expires_at)


def browser_of(user: User | None = None) -> Client:
    browser = Client()
    if user is not None:
        browser.force_login(user)
    return browser


def role_of(browser: Client, document: Document) -> str | None:
    """Return the role that a browser's page is shown with, None if it is shown none."""
    page = browser.get(document.get_absolute_url())
    return str(page.context["role"]) if page.status_code == 200 else None


def test_a_link_leads_to_the_clean_address(document: Document) -> None:
    """The token is in no address after it, in no cache, and no other page is told of it."""
    link = link_to(document)
    browser = browser_of()
    answer = browser.get(link.get_absolute_url())
    assert (answer.status_code, answer["Location"]) == (302, document.get_absolute_url())
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    page = browser.get(answer["Location"])
    assert page.status_code == 200
    assert link.token is not None
    assert link.token not in page.content.decode()
    assert link.token not in str(dict(browser.session))
    assert len(link.token) * 6 >= 128


def test_links_that_open_nothing_look_the_same(alice: User, document: Document) -> None:
    """Unknown, expired, revoked, of a deleted document, or of one in the trash."""
    expired, revoked, deleted, trashed = (
        link_to(document),
        link_to(document),
        link_to(actions.create_document(actor=alice)),
        link_to(actions.create_document(actor=alice)),
    )
    Grant.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    sharing.withdraw(Grant.objects.get(pk=revoked.pk))
    Document.objects.get(room=deleted.room_id).delete()
    actions.trash(actor=alice, shared=Document.objects.get(room=trashed.room_id))
    addresses = [link.get_absolute_url() for link in (expired, revoked, deleted, trashed)]
    addresses += ["/s/AAAAAAAAAAAAAAAAAAAAAA", "/s/%00", "/s/" + "x" * 3000]
    browser = browser_of()
    pages = [browser.get(address) for address in addresses]
    assert [page.status_code for page in pages] == [404] * len(pages)
    assert "This link no longer works" in pages[0].content.decode()
    assert len({page.content for page in pages}) == 1
    assert SESSION_LINKS not in browser.session


def test_the_higher_of_a_link_and_an_own_role_counts(document: Document) -> None:
    """A link takes nothing from who has more, and adds to who has less."""
    rita, bob = User.objects.create_user("rita"), User.objects.create_user("bob")
    sharing.grant(document.room, rita, Role.READER)
    sharing.grant(document.room, bob, Role.EDITOR)
    ritas, bobs = browser_of(rita), browser_of(bob)
    ritas.get(link_to(document, Role.EDITOR).get_absolute_url())
    bobs.get(link_to(document, Role.READER).get_absolute_url())
    assert role_of(ritas, document) == "editor"
    assert role_of(bobs, document) == "editor"


def test_a_link_survives_a_login_and_ends_with_the_logout(document: Document) -> None:
    """Who opened it as a guest keeps it as themselves; the next person at the browser does not."""
    zoe = User.objects.create_user("zoe", password="pw")
    browser = browser_of()
    browser.get(link_to(document, Role.COMMENTER).get_absolute_url())
    assert role_of(browser, document) == "commenter"
    browser.post("/login/", {"username": "zoe", "password": "pw"})
    assert browser.session["_auth_user_id"] == str(zoe.pk)
    assert role_of(browser, document) == "commenter"
    browser.post("/logout/")
    assert role_of(browser, document) is None


def test_a_link_of_somebody_else_who_logs_in_is_not_theirs(document: Document) -> None:
    """Django starts a new session when another person logs in over the first."""
    zoe = User.objects.create_user("zoe")
    browser = browser_of(User.objects.create_user("yann"))
    browser.get(link_to(document).get_absolute_url())
    browser.force_login(zoe)
    assert role_of(browser, document) is None


def test_a_disabled_account_is_no_guest_either(document: Document) -> None:
    """A link that it opened does not let it in again."""
    zoe = User.objects.create_user("zoe")
    browser = browser_of(zoe)
    browser.get(link_to(document).get_absolute_url())
    zoe.is_active = False
    zoe.save()
    assert role_of(browser, document) is None
    assert browser.get(f"/api/documents/{document.pk}").status_code == 401


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("role", "status"), [(Role.READER, 403), (Role.EDITOR, 200)])
def test_guests_use_the_api_with_the_links_role(
    document: Document, role: Role, status: int
) -> None:
    """By their session, and with its CSRF token only."""
    browser = Client(enforce_csrf_checks=True)
    browser.get(link_to(document, role).get_absolute_url())
    address = f"/api/documents/{document.pk}"
    assert browser.get(address).json()["role"] == role
    browser.get(document.get_absolute_url())
    change: dict[str, Any] = {"data": {"title": "By a guest"}, "content_type": "application/json"}
    forged = browser.patch(address, **change)
    assert (forged.status_code, forged.json()["error"]["code"]) == (403, "csrf_failed")
    token = {"X-CSRFToken": browser.cookies["csrftoken"].value}
    assert browser.patch(address, headers=token, **change).status_code == status
    assert browser.get("/api/documents").json()["documents"][0]["id"] == str(document.pk)
    made = browser.post("/api/documents", {}, content_type="application/json", headers=token)
    assert made.status_code == 401


def test_a_link_opens_its_own_document_only(alice: User, document: Document) -> None:
    """Another one of the same owner stays closed."""
    other = actions.create_document(actor=alice, title="Secret")
    browser = browser_of()
    browser.get(link_to(document).get_absolute_url())
    assert role_of(browser, other) is None


def test_an_expired_grant_of_a_person_or_group_opens_nothing(document: Document) -> None:
    """Also where it was not a link that had an end."""
    zoe = User.objects.create_user("zoe")
    crew = Group.objects.create(name="crew")
    crew.user_set.add(zoe)
    sharing.grant(document.room, zoe, Role.EDITOR)
    sharing.grant_group(document.room, crew, Role.EDITOR)
    assert access.abilities(zoe, document).write
    Grant.objects.exclude(role=Role.OWNER).update(expires_at=timezone.now())
    assert access.abilities(zoe, document) == access.NOTHING


def test_a_session_keeps_its_latest_links(alice: User, document: Document) -> None:
    """More than a hundred would make every request slow; opening one again makes it the latest."""
    browser = browser_of()
    first = link_to(document)
    others = [Grant(room=document.room, role=Role.READER, token=f"t{n}") for n in range(100)]
    Grant.objects.bulk_create(others)
    for link in (first, *others[:99], first, others[99]):
        browser.get(f"/s/{link.token}")
    kept = browser.session[SESSION_LINKS]
    assert len(kept) == 100
    assert first.pk in kept
    assert Grant.objects.get(token="t0").pk not in kept
