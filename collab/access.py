"""Roles, abilities, and who may do what to which object.

An object is shared if it has a `room`: roles are grants of that room. Views, API, sockets and
templates all ask `abilities`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.http.cookie import parse_cookie
from django.utils import timezone

from collab.models import ApiKey, Grant, Role, Room

if TYPE_CHECKING:
    from datetime import timedelta

    from django.contrib.auth.models import AbstractBaseUser


class Shared(Protocol):
    """Anything that has a room."""

    @property
    def room(self) -> Room: ...


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a user may do to an object. All false: the object is not there for them."""

    role: Role | None = None
    read: bool = False
    write: bool = False
    share: bool = False


_OF_ROLE = {
    Role.READER: Abilities(Role.READER, read=True),
    Role.EDITOR: Abilities(Role.EDITOR, read=True, write=True),
    Role.OWNER: Abilities(Role.OWNER, read=True, write=True, share=True),
}
NOTHING = Abilities()


def abilities(user: AbstractBaseUser | AnonymousUser, shared: Shared) -> Abilities:
    """Tell what a user may do to an object; one query.

    A superuser is an owner of everything, as everywhere in Django; an inactive user is nobody.
    """
    if not user.is_authenticated or not user.is_active:
        return NOTHING
    if getattr(user, "is_superuser", False):
        return _OF_ROLE[Role.OWNER]
    grants = Grant.objects.filter(room_id=shared.room_id, user_id=user.pk)  # type: ignore[attr-defined]
    role = grants.values_list("role", flat=True).first()
    return NOTHING if role is None else of_role(Role(role))


def of_role(role: Role) -> Abilities:
    """Tell what a role may do."""
    return _OF_ROLE[role]


@dataclass(frozen=True, slots=True)
class Credential:
    """How a socket was let in: whose it is, and by which session or API key.

    `auth_hash` is Django's hash of the user's password at that time: changing it ends sessions.
    """

    user: Any
    session: str | None = None
    auth_hash: str = ""
    api_key: int | None = None


def user_of_scope(scope: dict[str, Any]) -> AbstractBaseUser | AnonymousUser:
    """Return the user of a socket: its API key's, its session's, or nobody.

    Runs queries, and leaves the `Credential` in the scope as `collab.credential`. A bad key is
    nobody, also when there is a session beside it. The session is read here and not by Channels'
    SessionMiddleware, whose `send` looks at the session for every frame (measured: 13 % of a
    fan-out to 100 peers); a socket never writes it.
    """
    headers = dict(scope["headers"])
    if b"authorization" in headers:
        key = find_key(headers[b"authorization"].decode("latin-1"))
        if key is None:
            return AnonymousUser()
        scope["collab.credential"] = Credential(key.user_id, api_key=key.pk)
        return key.user
    if "user" in scope:
        return _host_user(scope)
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    session_key = cookies.get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return AnonymousUser()
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    # Django's own check, with the session's hash of the password; it asks no more of a request.
    user = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
    if user.is_authenticated:
        auth_hash = str(session.get(HASH_SESSION_KEY, ""))
        scope["collab.credential"] = Credential(user.pk, session_key, auth_hash)
    return user


def _host_user(scope: dict[str, Any]) -> AbstractBaseUser | AnonymousUser:
    """Return, as it is now, the user that a host project's AuthMiddlewareStack put in the scope."""
    session: Any = scope.get("session")
    key = getattr(session, "session_key", None)
    if key is not None and not session.exists(key):
        return AnonymousUser()
    users = get_user_model()._default_manager.filter(is_active=True)
    user = users.filter(pk=scope["user"].pk).first()
    if user is None:
        return AnonymousUser()
    auth_hash = "" if key is None else str(session.get(HASH_SESSION_KEY, ""))
    scope["collab.credential"] = Credential(user.pk, key, auth_hash)
    return user


# A key's last use is written at most this often: it is for people to see, not for counting.
_USE_NOTED_EVERY_S = 3600


def user_of_key(authorization: str) -> AbstractBaseUser | None:
    """Return the active user whose API key an Authorization header carries, or None."""
    key = find_key(authorization)
    return None if key is None else key.user


def find_key(authorization: str) -> ApiKey | None:
    """Return the usable API key that an Authorization header carries, with its user, or None."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.startswith(ApiKey.PREFIX):
        return None
    keys = ApiKey.objects.usable().select_related("user")
    key = keys.filter(digest=ApiKey.digest_of(secret.strip())).first()
    if key is None:
        return None
    now = timezone.now()
    last: timedelta | None = now - key.last_used_at if key.last_used_at else None
    if last is None or last.total_seconds() > _USE_NOTED_EVERY_S:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key
