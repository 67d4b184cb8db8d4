"""Giving and taking roles: writes, and what is announced of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, Group
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from collab import announce
from collab.engine.errors import CollabError
from collab.models import Grant, Role, Room

# Lists of rooms are told which of them changed, in events of a bounded size.
_ROOMS_PER_EVENT = 1000


class NotShared(CollabError):
    """A change of rights that may not be; the text says why, for a person."""


def grant(room: Room, user: AbstractBaseUser, role: Role) -> Grant:
    """Give a user a role in a room, in place of the one they have.

    Raises:
        NotShared: the room would have no owner.
    """
    with _keeping_an_owner(room):
        given, _created = Grant.objects.update_or_create(
            room=room, user_id=user.pk, defaults={"role": role}
        )
    return given


def grant_group(room: Room, group: Group, role: Role) -> Grant:
    """Give all members of a group a role in a room, in place of the one it has.

    Raises:
        NotShared: the room would have no owner.
    """
    with _keeping_an_owner(room):
        given, _created = Grant.objects.update_or_create(
            room=room, group=group, defaults={"role": role}
        )
    return given


def create_link(room: Room, role: Role, expires_at: datetime | None = None) -> Grant:
    """Make a link that gives a role to whoever opens it.

    Raises:
        NotShared: for an owner's role, which no link gives.
    """
    if role is Role.OWNER:
        raise NotShared(_("A link cannot make owners."))
    token = secrets.token_urlsafe(Grant.TOKEN_BYTES)
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


def changed(room_id: int) -> None:
    """Note that rights in a room changed: open sockets of every process ask for theirs again."""
    changed_in([room_id])


def changed_in(room_ids: Iterable[int]) -> None:
    """Note that rights in several rooms changed, as `changed` does for one."""
    keys = sorted(room_ids)
    rooms = Room.objects.filter(pk__in=keys)
    with transaction.atomic():
        # In the order in which the log's writers take them.
        list(rooms.select_for_update(no_key=True).order_by("pk").values_list("pk"))
        rooms.update(access=F("access") + 1)
        for room_id, access in rooms.values_list("pk", "access"):
            announce.to_room(room_id, {"event": "access", "access": access})
    for start in range(0, len(keys), _ROOMS_PER_EVENT):
        part = keys[start : start + _ROOMS_PER_EVENT]
        announce.to_everyone({"event": "listed", "rooms": part})


@contextmanager
def _keeping_an_owner(room: Room) -> Iterator[None]:
    """Refuse a change after which nobody could share, or delete, what the room belongs to.

    A host project may have rooms that nobody owns; those stay as they are.
    """
    owners = Grant.objects.valid().filter(room=room, role=Role.OWNER)
    with transaction.atomic():
        # Of two owners who leave at once one must stay.
        Room.objects.select_for_update().filter(pk=room.pk).first()
        owned = owners.exists()
        yield
        if owned and not owners.exists():
            raise NotShared(_("Somebody must own it: make another person an owner first."))
