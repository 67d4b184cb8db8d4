"""Finding whom to share with, by a name that the asker has to know: nobody can list people."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from collab.engine.errors import CollabError

NAME_LENGTH = 254
"""The longest name that is looked for, in characters."""


class UnknownName(CollabError):
    """A name that is nobody's; the text says so, for a person."""


def find_person(name: str) -> Any:
    """Return the active user with this user name, or with this e-mail address.

    Raises:
        UnknownName: there is none; or several have the address, or it is another's user name, which
            may have been taken to get what is meant for whoever has the address.
    """
    name = name.strip()
    users = get_user_model()._default_manager.filter(is_active=True)
    named, addressed = [], []
    if name and len(name) <= NAME_LENGTH and name.isprintable():
        named = list(users.filter(**{get_user_model().USERNAME_FIELD: name}))
        if "@" in name:
            field = get_user_model().get_email_field_name()
            addressed = list(users.filter(**{f"{field}__iexact": name})[:2])
    found = {user.pk: user for user in [*named, *addressed]}
    if not found:
        raise UnknownName(_("Nobody here has the user name or e-mail address “%s”.") % name[:80])
    if len(found) > 1 and named:
        raise UnknownName(
            _("“%s” is the user name of one person and the e-mail address of another. Give another "
              "name of theirs.") % name
        )  # fmt: skip
    if len(found) > 1:
        raise UnknownName(
            _("Several people have the e-mail address “%s”. Give a user name.") % name
        )
    return found.popitem()[1]


def groups_for(user: Any) -> QuerySet[Group]:
    """Return the groups that somebody may share with: their own, or all for staff; by name."""
    if getattr(user, "is_staff", False):
        return Group.objects.order_by("name")
    if not hasattr(user, "groups"):
        return Group.objects.none()
    groups: QuerySet[Group] = user.groups.order_by("name")
    return groups


def find_group(user: Any, name: str) -> Group:
    """Return the group with this name that somebody may share with.

    Raises:
        UnknownName: there is none for them.
    """
    found = None
    if len(name) <= NAME_LENGTH and name.isprintable():
        found = groups_for(user).filter(name=name).first()
    if found is None:
        raise UnknownName(_("You are in no group named “%s”.") % name[:80])
    return found
