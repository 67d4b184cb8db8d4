"""Changes are noted in the database in which they were made."""

from __future__ import annotations

from django.contrib.auth.models import Group, User

from collab.models import Grant, Role, Room
from tests.collab.beds import OrmBed


async def test_a_change_is_noted_in_the_database_that_it_was_made_in(orm: OrmBed) -> None:
    """Not in the default one, in which another room may have the same number."""
    room, seen = orm.room(), []

    def note() -> None:
        seen.append(Room.objects.using(orm.using).get(pk=room).access)

    note()
    group = Group.objects.using(orm.using).create(name="crew")
    given = Grant.objects.using(orm.using).create(room_id=room, group=group, role=Role.READER)
    note()
    group.user_set.add(User.objects.using(orm.using).create(username="bob"))
    note()
    given.delete()
    note()
    group.delete()
    assert seen == sorted(set(seen))
