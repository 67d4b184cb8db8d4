"""`collab share DOCUMENT USER ROLE`: give somebody a role in a document."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from collab import sharing
from collab.models import Role
from documents.models import Document


class Command(BaseCommand):
    help = "Give USER the ROLE in DOCUMENT (its id or URL), in place of the one they have."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("document", help="the document's id, or the address of its page")
        parser.add_argument("user", help="user name")
        parser.add_argument("role", choices=Role.values)

    def handle(self, *args: Any, document: str, user: str, role: str, **options: Any) -> None:
        try:
            document_id = UUID(urlsplit(document).path.rstrip("/").rsplit("/", 1)[-1])
        except ValueError as error:
            raise CommandError(f"{document!r} is no document's id or address.") from error
        found = Document.objects.select_related("room").filter(pk=document_id).first()
        if found is None:
            raise CommandError(f"There is no document {document_id}.")
        name = get_user_model().USERNAME_FIELD
        person = get_user_model()._default_manager.filter(**{name: user}).first()
        if person is None:
            raise CommandError(f"There is no user {user!r}.")
        sharing.grant(found.room, person, Role(role))
        self.stdout.write(f"{user} is {role} of “{found}”.")
