"""Changes of rights and logins, by whatever way they are made, reach open sockets."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from collab import announce, sharing
from collab.models import ApiKey, Grant, Room
from collab.shared import SharedObject


@receiver([post_save, post_delete], sender=Grant)
def grant_changed(sender: type[Grant], instance: Grant, using: str, **kwargs: Any) -> None:
    """Covers the admin and a user's deletion too."""
    sharing.changed(instance.room_id, using)
    if instance.user_id is not None:
        announce.to_everyone({"event": "listed", "users": [instance.user_id]}, using)
    elif instance.group_id is not None:
        announce.to_everyone({"event": "listed", "groups": [instance.group_id]}, using)


@receiver(m2m_changed)
def groups_changed(
    sender: Any, instance: Any, action: str, pk_set: Any, using: str, **kwargs: Any
) -> None:
    """Somebody joined or left a group, or a group got or lost somebody."""
    if sender is not getattr(getattr(get_user_model(), "groups", None), "through", None):
        return
    if action not in ("post_add", "post_remove", "pre_clear"):
        return
    if isinstance(instance, Group):
        groups: Any = [instance.pk]
    else:
        groups = pk_set if pk_set is not None else instance.groups.values("pk")
    grants = Grant.objects.using(using).filter(group__in=groups)
    found = list(grants.values_list("room_id", flat=True).distinct())
    if isinstance(instance, Group):
        members = instance.user_set.values_list("pk", flat=True) if pk_set is None else pk_set
        announce.to_everyone({"event": "listed", "users": list(members)}, using)
    else:
        announce.to_everyone({"event": "listed", "users": [instance.pk]}, using)
    # In the same transaction, so that a process which dies after it leaves nothing untold. A clear
    # is told before it is done; what is announced goes out after it.
    sharing.changed_in(found, using)


@receiver([post_save, post_delete], sender=ApiKey)
def key_changed(
    sender: type[ApiKey], instance: ApiKey, using: str, *, created: bool = False, **kwargs: Any
) -> None:
    if not created:
        announce.to_everyone({"event": "login", "user": instance.user_id}, using)


@receiver([post_save, post_delete], sender=settings.AUTH_USER_MODEL)
def user_changed(
    sender: type[Any],
    instance: Any,
    using: str,
    *,
    created: bool = False,
    update_fields: frozenset[str] | None = None,
    **kwargs: Any,
) -> None:
    """A disabled, deleted or renamed user, or a new password; not the note of a login."""
    if not created and update_fields != frozenset({"last_login"}):
        announce.to_everyone({"event": "login", "user": instance.pk}, using)


@receiver(user_logged_out)
def logged_out(sender: type[Any], request: HttpRequest, user: Any, **kwargs: Any) -> None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        announce.to_everyone({"event": "login", "session": key})


def own_rooms(model: type[SharedObject]) -> None:
    """Have the rooms of a model deleted with its objects, by whatever way those are deleted."""
    pre_delete.connect(_lock_room, sender=model)
    post_delete.connect(_delete_room, sender=model)


def _lock_room(
    sender: type[SharedObject], instance: SharedObject, using: str, **kwargs: Any
) -> None:
    """Lock the room before the object's row, as all others do: so neither waits for the other."""
    Room.objects.using(using).lock(instance.room_id)


def _delete_room(
    sender: type[SharedObject], instance: SharedObject, using: str, **kwargs: Any
) -> None:
    """Delete the room with its log: nobody could enter it any more.

    Its grants go with it, which tells the processes to ask again; who missed that finds the room
    gone with the next comparison of heads. Open sockets are closed with 4404.
    """
    Room.objects.using(using).filter(pk=instance.room_id).delete()
