"""`collab token NAME [--scope ingest]`: print a new API key of a user."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from collab.models import ApiKey, KeyScope


class Command(BaseCommand):
    help = "Print a new API key that acts as the user NAME. Only its digest is stored."
    # They import all pages; `collab check`, `up` and `migrate` say what is wrong.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="user name")
        parser.add_argument("--create", action="store_true", help="create the user if missing")
        parser.add_argument(
            "--scope",
            choices=KeyScope.values,
            default=KeyScope.FULL.value,
            help="full: all that the user may do; ingest: sending numbers, and nothing else",
        )

    def handle(self, *args: Any, name: str, create: bool, scope: str, **options: Any) -> None:
        users = get_user_model()._default_manager
        user: AbstractBaseUser | None = users.filter(
            **{get_user_model().USERNAME_FIELD: name}
        ).first()
        if user is None:
            if not create:
                raise CommandError(f"There is no user {name!r}. Add --create to make one.")
            user = _make(name)
        about = f"made by collab token, {timezone.now():%Y-%m-%d %H:%M}"
        _, secret = ApiKey.issue(user, about, KeyScope(scope))
        self.stdout.write(secret)


def _make(name: str) -> AbstractBaseUser:
    """Make a user who has no password: the key is the way in."""
    user = get_user_model()(**{get_user_model().USERNAME_FIELD: name})
    user.set_unusable_password()
    try:
        user.full_clean()
    except ValidationError as error:
        problems = " ".join(error.messages)
        raise CommandError(f"The user {name!r} cannot be made. {problems}") from error
    user.save()
    return user
