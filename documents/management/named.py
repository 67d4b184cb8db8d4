"""What commands are given by name: documents and users."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from documents.models import Document


def document_named(name: str) -> Document:
    """Find a document by its id, or the address of its page.

    Raises:
        CommandError: there is none.
    """
    try:
        document_id = UUID(urlsplit(name).path.rstrip("/").rsplit("/", 1)[-1])
    except ValueError as error:
        raise CommandError(f"{name!r} is no document's id or address.") from error
    found = Document.objects.select_related("room").filter(pk=document_id).first()
    if found is None:
        raise CommandError(f"There is no document {document_id}.")
    return found


def user_named(name: str) -> Any:
    """Find a user by their user name.

    Raises:
        CommandError: there is none.
    """
    field = get_user_model().USERNAME_FIELD
    person = get_user_model()._default_manager.filter(**{field: name}).first()
    if person is None:
        raise CommandError(f"There is no user {name!r}.")
    return person
