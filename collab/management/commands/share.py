"""`collab share OBJECT …`: give people, groups and links a role in it, or take one away."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from collab import sharing
from collab.management.named import shared_named, user_named
from collab.models import Grant, Role
from collab.shared import SharedObject

NONE = "none"
_MOST_DAYS = 3660


class Command(BaseCommand):
    help = (
        "Give USER the ROLE in OBJECT, a document or dashboard (its id or URL), in place of the "
        "one they have; “none” takes it away. With --group at the end, USER is a group’s name. "
        "With --link instead of USER, make a link and print its path. With OBJECT alone, list who "
        "has which role."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        # What argparse would print puts --group where it cannot be.
        parser.usage = (
            "collab share OBJECT [USER ROLE | GROUP ROLE --group | --link ROLE [--days N]]"
        )
        parser.add_argument("shared", metavar="OBJECT", help="its id, or the address of its page")
        parser.add_argument("user", nargs="?", help="user name, or a group's with --group")
        parser.add_argument("role", nargs="?", choices=[*Role.values, NONE])
        parser.add_argument("--group", action="store_true", help="USER is the name of a group")
        parser.add_argument(
            "--link", metavar="ROLE", choices=[role.value for role in Role if role != Role.OWNER],
            help="make a link that gives this role",
        )  # fmt: skip
        parser.add_argument("--days", type=int, help="days after which the link expires")

    def handle(
        self,
        *args: Any,
        shared: str,
        user: str | None,
        role: str | None,
        group: bool,
        link: str | None,
        days: int | None,
        **options: Any,
    ) -> None:
        if (days is not None and link is None) or (link is not None and (user or group)):
            raise CommandError("Give a USER and a ROLE, or --link ROLE with or without --days N.")
        if user is not None and role is None:
            raise CommandError(f"Give a role for {user!r}, too: {', '.join(Role.values)}, {NONE}.")
        if days is not None and not 1 <= days <= _MOST_DAYS:
            raise CommandError(f"--days must be from 1 to {_MOST_DAYS}.")
        found: SharedObject = shared_named(shared)
        try:
            if link is not None:
                self._link(found, Role(link), days)
            elif user is not None and role is not None:
                self._share(found, user, role, is_group=group)
            else:
                self._list(found)
        except sharing.NotShared as error:
            raise CommandError(str(error)) from error

    def _link(self, shared: SharedObject, role: Role, days: int | None) -> None:
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        made = sharing.create_link(shared.room, role, expires_at)
        self.stdout.write(made.get_absolute_url())

    def _share(self, shared: SharedObject, name: str, role: str, *, is_group: bool) -> None:
        whom: dict[str, Any] = {"group": _group(name)} if is_group else {"user": user_named(name)}
        if role == NONE:
            given = Grant.objects.filter(room=shared.room, **whom).select_related("room").first()
            if given is None:
                raise CommandError(f"{name} has no role in “{shared}”.")
            sharing.withdraw(given)
            self.stdout.write(f"{name} has no role in “{shared}” any more.")
            return
        if is_group:
            sharing.grant_group(shared.room, whom["group"], Role(role))
        else:
            sharing.grant(shared.room, whom["user"], Role(role))
        self.stdout.write(f"{name} is {role} of “{shared}”.")

    def _list(self, shared: SharedObject) -> None:
        grants = Grant.objects.filter(room=shared.room).select_related("user", "group")
        for given in grants.order_by("pk"):
            if given.user is not None:
                self.stdout.write(f"{given.role:<10} user   {given.user.get_username()}")
            elif given.group is not None:
                self.stdout.write(f"{given.role:<10} group  {given.group.name}")
            else:
                until = f" until {given.expires_at:%Y-%m-%d %H:%M %Z}" if given.expires_at else ""
                self.stdout.write(f"{given.role:<10} link   {given.get_absolute_url()}{until}")


def _group(name: str) -> Group:
    group = Group.objects.filter(name=name).first()
    if group is None:
        raise CommandError(f"There is no group {name!r}.")
    return group
