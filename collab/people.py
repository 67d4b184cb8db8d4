"""People as the page shows them: a name, initials and one of twelve colours."""

from __future__ import annotations

import zlib
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext

from collab import access
from collab.engine.peer import Person

# Hues for avatars and cursors; each has at least 4.5:1 contrast with white text on it.
# The stylesheet has the same twelve as `.person--0` to `.person--11`.
PALETTE = (
    "#b4232a", "#a8440c", "#8a5a00", "#5f6b00", "#2f7336", "#00735f",
    "#006f86", "#1d63b8", "#4a55c4", "#7446b8", "#9b3a9b", "#ad2f68",
)  # fmt: skip


def person_of(user: AbstractBaseUser | AnonymousUser, session: str | None = None) -> Person:
    """Show a user to others; the colour is the same everywhere and every time.

    Args:
        user: Somebody, or whom a link let in.
        session: The key of their session: who has no name is told apart by it.
    """
    if not user.is_authenticated:
        guest = access.guest_id(session or "")
        return Person(guest, gettext("Guest"), zlib.crc32(guest.encode()) % len(PALETTE))
    name = (getattr(user, "get_full_name", str)() or user.get_username())[:80]
    palette = zlib.crc32(str(user.pk).encode() + user.get_username().encode()) % len(PALETTE)
    return Person(str(user.pk), name, palette)


def color_of(person: Person) -> str:
    return PALETTE[person.palette]


def shown(people: list[tuple[Person, int]]) -> list[dict[str, Any]]:
    """Prepare people for `shared/_people.html`: one dict each, in the order given."""
    return [
        {
            "id": person.id,
            "name": person.name,
            "initials": "".join(word[0] for word in person.name.split()[:2]).upper(),
            "palette": person.palette,
            "color": color_of(person),
            "count": sockets,
        }
        for person, sockets in people
    ]
