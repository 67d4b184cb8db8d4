"""What commands are given by name: shared objects and users."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from collab.shared import SharedObject

T = TypeVar("T", bound=SharedObject)


def shared_named(name: str, *models: type[T]) -> T:
    """Find an object by its id, or the address of its page.

    Args:
        name: The id or address.
        models: Of which it may be; none: of any that the project has.

    Raises:
        CommandError: there is none.
    """
    kinds: Any = models or [one for one in apps.get_models() if issubclass(one, SharedObject)]
    said = " or ".join(str(one._meta.verbose_name) for one in kinds)
    try:
        pk = UUID(urlsplit(name).path.rstrip("/").rsplit("/", 1)[-1])
    except ValueError as error:
        raise CommandError(f"{name!r} is no id or address of a {said}.") from error
    for model in kinds:
        found: T | None = model.objects.select_related("room").filter(pk=pk).first()
        if found is not None:
            return found
    raise CommandError(f"There is no {said} {pk}.")


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
