"""Giving and taking roles: writes, and what is announced of them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F

from collab import announce
from collab.models import Grant, Role, Room


@transaction.atomic
def grant(room: Room, user: AbstractBaseUser, role: Role) -> Grant:
    """Give a user a role in a room, in place of the one they have."""
    given, _ = Grant.objects.update_or_create(room=room, user_id=user.pk, defaults={"role": role})
    return given


@transaction.atomic
def revoke(room: Room, user: AbstractBaseUser) -> bool:
    """Take a user's role in a room away. Returns whether there was one."""
    return any(grant.delete() for grant in Grant.objects.filter(room=room, user_id=user.pk))


def changed(room_id: int) -> None:
    """Note that rights in a room changed: open sockets of every process ask for theirs again."""
    rooms = Room.objects.filter(pk=room_id)
    rooms.update(access=F("access") + 1)
    access = rooms.values_list("access", flat=True).first()
    if access is not None:
        announce.to_room(room_id, {"event": "access", "access": access})
