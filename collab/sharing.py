"""Giving and taking roles: writes, and what is announced of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, Group
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from collab import announce
from collab.engine.errors import CollabError
from collab.models import Grant, GrantQuerySet, Role, Room

# Lists of rooms are told which of them changed, in events of a bounded size.
_ROOMS_PER_EVENT = 1000

# The list of who has which role is shown as one page, and read for every change of rights.
LINKS_AT_MOST = 100
"""Links of one room; also those that have ended, until they are taken away."""
ROLES_AT_MOST = 1000
"""People and groups that have a role in one room; a group gives one to any number of people."""
LINK_LASTS_AT_MOST = timedelta(days=3660)
"""Ten years, for links that end."""


class NotShared(CollabError):
    """A change of rights that may not be; the text says why, for a person."""


def grant(room: Room, user: AbstractBaseUser, role: Role) -> Grant:
    """Give a user a role in a room, in place of the one they have.

    Raises:
        NotShared: the room would have no owner, or more than `ROLES_AT_MOST`.
    """
    with _keeping_an_owner(room):
        given, created = Grant.objects.update_or_create(
            room=room, user_id=user.pk, defaults={"role": role}
        )
        if created:
            _check_number(room)
    return given


def grant_group(room: Room, group: Group, role: Role) -> Grant:
    """Give all members of a group a role in a room, in place of the one it has.

    Raises:
        NotShared: the room would have no owner, or more than `ROLES_AT_MOST`.
    """
    with _keeping_an_owner(room):
        given, created = Grant.objects.update_or_create(
            room=room, group=group, defaults={"role": role}
        )
        if created:
            _check_number(room)
    return given


def create_link(room: Room, role: Role, expires_at: datetime | None = None) -> Grant:
    """Make a link that gives a role to whoever opens it.

    Raises:
        NotShared: for an owner's role, which no link gives; or there are `LINKS_AT_MOST`.
    """
    if role is Role.OWNER:
        raise NotShared(_("A link cannot make owners."))
    token = secrets.token_urlsafe(Grant.TOKEN_BYTES)
    with transaction.atomic():
        Room.objects.lock(room.pk)
        if Grant.objects.links().filter(room=room).count() >= LINKS_AT_MOST:
            raise NotShared(
                _("There can be %d links. Withdraw one that nobody needs any more.") % LINKS_AT_MOST
            )
        return Grant.objects.create(room=room, token=token, role=role, expires_at=expires_at)


def change_role(given: Grant, role: Role) -> None:
    """Give another role to whom a grant is for.

    Raises:
        NotShared: the room would have no owner, or a link would give owners' rights.
    """
    if role is Role.OWNER and given.token is not None:
        raise NotShared(_("A link cannot make owners."))
    with _keeping_an_owner(given.room):
        if not Grant.objects.filter(pk=given.pk).exists():
            raise NotShared(_("Somebody has taken this role away meanwhile."))
        given.role = role
        given.save(update_fields=["role"])


def withdraw(given: Grant) -> None:
    """Take a grant away.

    Raises:
        NotShared: the room would have no owner.
    """
    with _keeping_an_owner(given.room):
        given.delete()


@transaction.atomic
def revoke(room: Room, user: AbstractBaseUser) -> bool:
    """Take a user's role in a room away. Returns whether there was one."""
    return any(grant.delete() for grant in Grant.objects.filter(room=room, user_id=user.pk))


def changed(room_id: int, using: str | None = None) -> None:
    """Note that rights in a room changed: open sockets of every process ask for theirs again."""
    changed_in([room_id], using)


def changed_in(room_ids: Iterable[int], using: str | None = None) -> None:
    """Note that rights in several rooms changed, as `changed` does for one."""
    keys = sorted(room_ids)
    rooms = Room.objects.using(using).filter(pk__in=keys)
    with transaction.atomic(using):
        # In the order in which the log's writers take them.
        list(rooms.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        rooms.update(access=F("access") + 1)
        for room_id, access in rooms.values_list("pk", "access"):
            announce.to_room(room_id, {"event": "access", "access": access}, using)
    for start in range(0, len(keys), _ROOMS_PER_EVENT):
        part = keys[start : start + _ROOMS_PER_EVENT]
        announce.to_everyone({"event": "listed", "rooms": part}, using)


def owners_of(room: Room) -> GrantQuerySet:
    """Return the grants by which somebody owns a room who can log in.

    A disabled account, or a group that nobody is left in, can do nothing with it.
    """
    users = get_user_model()
    active = users._default_manager.filter(is_active=True)
    able = Q(user__in=active.values("pk"))
    if hasattr(users, "groups"):
        able |= Q(group__in=active.values("groups"))
    return Grant.objects.valid().filter(able, room=room, role=Role.OWNER)


@contextmanager
def _keeping_an_owner(room: Room) -> Iterator[None]:
    """Refuse a change after which nobody could share, or delete, what the room belongs to.

    A host project may have rooms that nobody owns; those stay as they are.
    """
    owners = owners_of(room)
    with transaction.atomic():
        # Of two owners who leave at once one must stay.
        Room.objects.lock(room.pk)
        owned = owners.exists()
        yield
        if owned and not owners.exists():
            raise NotShared(_("Somebody must own it: make another person an owner first."))


def _check_number(room: Room) -> None:
    """Refuse a role beyond those that a room can have. The caller has locked it."""
    if Grant.objects.filter(room=room, token=None).count() > ROLES_AT_MOST:
        raise NotShared(
            _("It can be shared with %d people and groups. Share it with a group of them.")
            % ROLES_AT_MOST
        )
