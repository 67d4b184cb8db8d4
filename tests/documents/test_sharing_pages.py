"""The share dialog and its page: every change works as a plain form, and as HTMX swaps it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from collab import sharing
from collab.models import Grant, Role
from documents import actions
from documents.models import Document

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", first_name="Alice")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", first_name="Bob", email="bob@example.org")


@pytest.fixture
def document(alice: User) -> Document:
    return actions.create_document(actor=alice, title="<b>Plans</b>")


@pytest.fixture
def browser(alice: User) -> Client:
    """Alice's."""
    one = Client()
    one.force_login(alice)
    return one


def share(document: Document, tail: str = "") -> str:
    return f"/documents/{document.pk}/share/{tail}"


def notice_of(answer: Any) -> str:
    """Return what the page says about the last change."""
    _, _, rest = answer.content.decode().partition('id="share-notice"')
    return str(rest.partition(">")[2].partition("</p>")[0])


def test_one_address_answers_page_and_part(document: Document, browser: Client) -> None:
    """The part is what the dialog holds; nothing of either is kept by caches."""
    page, part = browser.get(share(document)), browser.get(share(document), headers=HTMX)
    assert "<html" in page.content.decode()
    assert part.content.decode().startswith('<div id="share"')
    assert "<b>Plans</b>" not in page.content.decode()
    for answer in (page, part):
        assert answer["Cache-Control"] == "no-store"
        assert "alice" in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_a_person_gets_another_role_and_loses_it(
    document: Document, browser: Client, bob: User, headers: dict[str, str]
) -> None:
    """Each change says what it did."""

    def post(tail: str, **fields: str) -> str:
        return notice_of(browser.post(share(document, tail), fields, headers=headers, follow=True))

    assert post("people/", name="bob@example.org", role="reader") == (
        "Bob has the role “Reader” now."
    )
    given = Grant.objects.get(user=bob)
    assert post(f"{given.pk}/role/", role="commenter") == "Bob has the role “Commenter” now."
    assert post(f"{given.pk}/withdraw/") == "Bob has no role of their own any more."
    assert not Grant.objects.filter(user=bob).exists()


@pytest.mark.parametrize(
    ("tail", "fields", "says"),
    [
        ("people/", {"name": "nobody", "role": "reader"}, "Nobody here has the user name"),
        ("people/", {"name": "", "role": "reader"}, "Nobody here has the user name"),
        ("people/", {"name": "<b>", "role": "reader"}, "“&lt;b&gt;”"),
        ("people/", {"name": "alice", "role": "reader"}, "That is you."),
        ("people/", {"name": "bob", "role": "god"}, "Choose a role."),
        ("people/", {"name": "bob"}, "Choose a role."),
        ("groups/", {"name": "strangers", "role": "reader"}, "You are in no group named"),
        ("links/", {"role": "owner", "expiry": "never"}, "A link cannot make owners."),
        ("links/", {"role": "reader"}, "Choose the last day"),
        ("links/", {"role": "reader", "expiry": "date", "until": "soon"}, "Choose the last day"),
        ("links/", {"role": "reader", "expiry": "date", "until": "2020-01-01"}, "within ten years"),
        ("links/", {"role": "reader", "expiry": "date", "until": "9999-12-31"}, "within ten years"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_may_not_be_says_why(
    document: Document, browser: Client, bob: User, tail: str, fields: dict[str, str], says: str
) -> None:
    """And changes nothing."""
    Group.objects.create(name="strangers")
    answer = browser.post(share(document, tail), fields, headers=HTMX)
    assert says in notice_of(answer)
    assert Grant.objects.count() == 1


@pytest.mark.parametrize(
    ("expiry", "days"), [("never", None), ("1", 1), ("7", 7), ("30", 30), ("date", 3)]
)
def test_links_end_when_they_were_said_to(
    document: Document, browser: Client, expiry: str, days: int | None
) -> None:
    """A last day counts in full."""
    today = timezone.localdate()
    fields = {"role": "editor", "expiry": expiry, "until": str(today + timedelta(days=2))}
    answer = browser.post(share(document, "links/"), fields, headers=HTMX)
    link = Grant.objects.get(token__isnull=False)
    assert f"http://testserver/s/{link.token}" in answer.content.decode()
    if days is None:
        assert link.expires_at is None
    elif expiry == "date":
        assert link.expires_at is not None
        assert (
            timezone.localtime(link.expires_at).isoformat()[:19]
            == f"{today + timedelta(3)}T00:00:00"
        )
    else:
        assert link.expires_at is not None
        assert abs(link.expires_at - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize("tail", ["role/", "withdraw/"])
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "part"])
def test_giving_up_ones_own_ownership_asks_first(
    document: Document, browser: Client, bob: User, headers: dict[str, str], tail: str
) -> None:
    """The last owner cannot at all; of two, one who is sure goes where they still may."""
    own = Grant.objects.get(role=Role.OWNER)
    address, fields = share(document, f"{own.pk}/{tail}"), {"role": "reader"}
    asked = browser.post(address, fields, headers=headers)
    assert "Give up ownership" in asked.content.decode()
    refused = browser.post(address, fields | {"sure": "1"}, headers=headers)
    assert "Somebody must own it" in notice_of(refused)
    sharing.grant(document.room, bob, Role.OWNER)
    assert Grant.objects.filter(pk=own.pk, role=Role.OWNER).exists()
    done = browser.post(address, fields | {"sure": "1"}, headers=headers)
    target = done["HX-Redirect"] if headers else done["Location"]
    assert target == (document.get_absolute_url() if tail == "role/" else "/")
    assert not Grant.objects.filter(pk=own.pk, role=Role.OWNER).exists()


def test_taking_ownership_from_an_own_group_asks_too(
    document: Document, browser: Client, alice: User
) -> None:
    """Of a group that one is not in, it is done at once."""
    mine, other = (Group.objects.create(name=name) for name in ("mine", "other"))
    mine.user_set.add(alice)
    grants = [sharing.grant_group(document.room, group, Role.OWNER) for group in (mine, other)]
    answers = [
        browser.post(share(document, f"{given.pk}/withdraw/"), headers=HTMX).content.decode()
        for given in grants
    ]
    assert "You are in the group “mine”" in answers[0]
    assert [given.group for given in Grant.objects.filter(group__isnull=False)] == [mine]


def test_only_the_groups_that_one_may_share_with_are_offered(
    document: Document, browser: Client, alice: User
) -> None:
    """Those of oneself, and of staff all; not those that have a role already."""
    crew = Group.objects.create(name="crew")
    Group.objects.create(name="strangers")
    crew.user_set.add(alice)
    page = browser.get(share(document)).content.decode()
    assert 'value="crew"' in page
    assert "strangers" not in page
    sharing.grant_group(document.room, crew, Role.READER)
    assert 'value="crew"' not in browser.get(share(document)).content.decode()


def test_forms_need_their_token(document: Document, alice: User, bob: User) -> None:
    """Another site cannot share somebody's document."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    answer = browser.post(share(document, "people/"), {"name": "bob", "role": "owner"})
    assert answer.status_code == 403
    assert Grant.objects.count() == 1


def test_the_number_of_queries_is_fixed(
    document: Document, browser: Client, django_assert_max_num_queries: Any
) -> None:
    """However many people there are."""
    for count in (1, 20):
        for number in range(count):
            person = User.objects.create_user(f"person {count} {number}")
            sharing.grant(document.room, person, Role.READER)
            sharing.create_link(document.room, Role.READER)
        with django_assert_max_num_queries(8):
            browser.get(share(document))
