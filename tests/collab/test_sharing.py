"""Giving and taking roles: somebody stays the owner, and every change is noted where it is made."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test import Client

from collab import access, directory, sharing
from collab.directory import UnknownName
from collab.models import Grant, Role, Room
from collab.sharing import NotShared
from documents import actions
from documents.models import Document

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice", "alice@example.org")


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", "Bob@example.org")


@pytest.fixture
def crew(bob: User) -> Group:
    """A group that Bob is in."""
    made = Group.objects.create(name="crew")
    made.user_set.add(bob)
    return made


@pytest.fixture
def room(alice: User) -> Room:
    return actions.create_document(actor=alice, title="Plans").room


def version(room: Room) -> int:
    return Room.objects.get(pk=room.pk).access


def test_somebody_stays_the_owner(room: Room, alice: User, bob: User, crew: Group) -> None:
    """By no way: a lesser role, a withdrawn grant, or both of two owners."""
    own = Grant.objects.get(room=room, user=alice)
    for change in (
        lambda: sharing.grant(room, alice, Role.EDITOR),
        lambda: sharing.change_role(own, Role.READER),
        lambda: sharing.withdraw(Grant.objects.get(room=room, user=alice)),
    ):
        with pytest.raises(NotShared, match="Somebody must own it"), transaction.atomic():
            change()
    own.refresh_from_db()
    assert own.role == Role.OWNER
    sharing.grant_group(room, crew, Role.OWNER)
    sharing.withdraw(own)
    with pytest.raises(NotShared), transaction.atomic():
        sharing.grant_group(room, crew, Role.READER)


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_remove_each_other_at_once_one_stays(
    room: Room, alice: User, bob: User
) -> None:
    """Each sees the other's change before it counts owners."""
    sharing.grant(room, bob, Role.OWNER)
    grants = list(Grant.objects.filter(room=room))
    start = Barrier(2)

    def remove(given: Grant) -> bool:
        start.wait()
        try:
            sharing.withdraw(given)
        except NotShared:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(remove, grants)) == [False, True]
    assert Grant.objects.filter(room=room, role=Role.OWNER).count() == 1


@pytest.mark.parametrize("way", ["disabled", "empty group", "disabled in a group"])
def test_an_owner_is_somebody_who_can_log_in(
    room: Room, alice: User, bob: User, crew: Group, way: str
) -> None:
    """Nobody could share the document otherwise, or delete it."""
    if way == "disabled":
        sharing.grant(room, bob, Role.OWNER)
    else:
        sharing.grant_group(room, crew, Role.OWNER)
    if way == "empty group":
        crew.user_set.clear()
    else:
        User.objects.filter(pk=bob.pk).update(is_active=False)
    own = Grant.objects.get(room=room, user=alice)
    with pytest.raises(NotShared, match="Somebody must own it"), transaction.atomic():
        sharing.withdraw(own)
    User.objects.filter(pk=bob.pk).update(is_active=True)
    crew.user_set.add(bob)
    sharing.withdraw(Grant.objects.get(room=room, user=alice))


def test_links_and_roles_end_somewhere(
    room: Room, alice: User, bob: User, crew: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there can still be changed and taken away, and then there is a place again."""
    monkeypatch.setattr(sharing, "LINKS_AT_MOST", 1)
    monkeypatch.setattr(sharing, "ROLES_AT_MOST", 2)
    link = sharing.create_link(room, Role.READER)
    with pytest.raises(NotShared, match="can be 1 links"):
        sharing.create_link(room, Role.READER)
    given = sharing.grant(room, bob, Role.READER)
    for one_more in (
        lambda: sharing.grant_group(room, crew, Role.READER),
        lambda: sharing.grant(room, User.objects.create_user("zoe"), Role.READER),
    ):
        with pytest.raises(NotShared, match="with 2 people and groups"):
            one_more()
    assert Grant.objects.filter(room=room).count() == 3
    assert sharing.grant(room, bob, Role.EDITOR).pk == given.pk
    sharing.change_role(link, Role.EDITOR)
    sharing.withdraw(link)
    sharing.create_link(room, Role.READER)
    sharing.withdraw(given)
    sharing.grant_group(room, crew, Role.READER)


def test_a_link_makes_no_owner(room: Room) -> None:
    """Neither when it is made nor later; and its token has 128 bits of its own."""
    with pytest.raises(NotShared):
        sharing.create_link(room, Role.OWNER)
    link, other = sharing.create_link(room, Role.EDITOR), sharing.create_link(room, Role.EDITOR)
    with pytest.raises(NotShared):
        sharing.change_role(link, Role.OWNER)
    assert link.token != other.token
    assert len(str(link.token)) == 22


def test_a_role_that_was_taken_meanwhile_is_not_given_back(room: Room, bob: User) -> None:
    """Whoever changes it hears so, instead of an error of the database."""
    given = sharing.grant(room, bob, Role.READER)
    Grant.objects.get(pk=given.pk).delete()
    with pytest.raises(NotShared, match="meanwhile"), transaction.atomic():
        sharing.change_role(given, Role.EDITOR)
    assert not Grant.objects.filter(room=room, user=bob).exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda bob, crew: crew.user_set.remove(bob),
        lambda bob, crew: bob.groups.remove(crew),
        lambda bob, crew: bob.groups.clear(),
        lambda bob, crew: crew.user_set.clear(),
        lambda bob, crew: bob.groups.set([]),
        lambda bob, crew: crew.user_set.add(User.objects.create_user("new")),
        lambda bob, crew: crew.delete(),
        lambda bob, crew: Grant.objects.get(group=crew).delete(),
    ],
    ids=["remove", "leave", "clear", "empty", "set", "join", "delete", "withdraw"],
)
def test_a_change_of_a_group_is_noted_with_it(
    room: Room, bob: User, crew: Group, change: Any
) -> None:
    """In its own transaction: who dies right after it leaves no socket with rights it lost."""
    sharing.grant_group(room, crew, Role.EDITOR)
    before = version(room)
    with transaction.atomic():
        change(bob, crew)
        assert version(room) > before


def test_a_group_gives_its_members_its_role(room: Room, bob: User, crew: Group) -> None:
    """And the higher one to who has two."""
    document = Document.objects.get(room=room)
    sharing.grant_group(room, crew, Role.EDITOR)
    sharing.grant(room, bob, Role.READER)
    assert access.abilities(bob, document).role is Role.EDITOR
    crew.user_set.remove(bob)
    assert access.abilities(User.objects.get(pk=bob.pk), document).role is Role.READER


def test_people_are_found_by_exact_names_only(alice: User, bob: User) -> None:
    """By user name or address; nobody who is disabled, and none of two."""
    assert directory.find_person(" bob ") == bob
    assert directory.find_person("BOB@EXAMPLE.ORG") == bob
    carl = User.objects.create_user("carl@example.org", "carl@example.org")
    assert directory.find_person("carl@example.org") == carl
    User.objects.create_user("twin", "alice@example.org")
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for name in ("", " ", "al", "ALICE", "alice%", "bob", "alice@example.org", "a\0b", "x" * 500):
        with pytest.raises(UnknownName):
            directory.find_person(name)


def test_a_user_name_that_is_the_address_of_another_finds_neither(bob: User) -> None:
    """Whoever takes it gets nothing that was meant for the other, whose user name still works."""
    thief = User.objects.create_user("Bob@example.org")
    with pytest.raises(UnknownName, match="the user name of one person"):
        directory.find_person("Bob@example.org")
    assert directory.find_person("bob") == bob
    User.objects.filter(pk=thief.pk).update(is_active=False)
    assert directory.find_person("Bob@example.org") == bob


def test_groups_are_offered_to_members_and_staff(alice: User, bob: User, crew: Group) -> None:
    """Others do not learn that there are any."""
    staff = User.objects.create_user("staff", is_staff=True)
    assert list(directory.groups_for(bob)) == list(directory.groups_for(staff)) == [crew]
    assert list(directory.groups_for(alice)) == []
    with pytest.raises(UnknownName):
        directory.find_group(alice, "crew")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"role": "reader"}, "Choose a user or a group"),
        ({"role": "reader", "user": "bob", "group": "crew"}, "Choose a user or a group"),
        ({"role": "reader", "user": "bob", "end": "2999-01-01"}, "Only a link can expire"),
        ({"role": "editor", "group": "crew"}, None),
    ],
    ids=["nobody", "both", "expiry", "group"],
)
def test_the_admin_gives_roles_to_one(
    room: Room, bob: User, crew: Group, fields: dict[str, str], problem: str | None
) -> None:
    """What the database would refuse, the form says in words."""
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    form = {
        "grants-TOTAL_FORMS": "1", "grants-INITIAL_FORMS": "0",
        "grants-0-room": str(room.pk), "grants-0-role": fields["role"],
        "grants-0-user": str(bob.pk) if "user" in fields else "",
        "grants-0-group": str(crew.pk) if "group" in fields else "",
        "grants-0-expires_at_0": fields.get("end", ""),
        "grants-0-expires_at_1": "00:00" if "end" in fields else "",
    }  # fmt: skip
    answer = root.post(f"/admin/collab/room/{room.pk}/change/", form)
    if problem is None:
        assert answer.status_code == 302, answer.context["errors"]
        assert Grant.objects.get(group=crew).role == "editor"
    else:
        assert problem in answer.content.decode()
        assert Grant.objects.filter(room=room).count() == 1
