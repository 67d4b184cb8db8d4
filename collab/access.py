"""Roles, abilities, and who may do what to which object.

An object is shared if it has a `room`: roles are grants of that room, to a user, to their groups,
and to the links that a browser has opened. Views, API, sockets and templates all ask `abilities`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils import timezone

from collab.models import ApiKey, Grant, KeyScope, Role, Room

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
    comment: bool = False
    write: bool = False
    share: bool = False


_OF_ROLE = {
    Role.READER: Abilities(Role.READER, read=True),
    Role.COMMENTER: Abilities(Role.COMMENTER, read=True, comment=True),
    Role.EDITOR: Abilities(Role.EDITOR, read=True, comment=True, write=True),
    Role.OWNER: Abilities(Role.OWNER, read=True, comment=True, write=True, share=True),
}
NOTHING = Abilities()
# What an owner may do to what lies in the trash: look at it, take it out, delete it for good.
_OWNER_OF_TRASH = Abilities(Role.OWNER, read=True, share=True)
_RANK = {role: rank for rank, role in enumerate(Role)}


def abilities(user: AbstractBaseUser | AnonymousUser, shared: Shared) -> Abilities:
    """Tell what a user may do to an object; one query.

    A superuser is an owner of everything, as everywhere in Django; an inactive user is nobody.
    What was moved to the trash (`trashed_at`) is there for its owners only, and not to be changed.

    Args:
        user: From `visitor` or `user_of_scope`, which know the links that the browser opened.
        shared: Anything with a `room_id`.
    """
    if getattr(user, "is_superuser", False) and user.is_active:
        role: Role | None = Role.OWNER
    else:
        grants = Grant.objects.filter(grants_of(user), room_id=shared.room_id)  # type: ignore[attr-defined]
        role = highest(grants.values_list("role", flat=True))
    if role is None:
        return NOTHING
    if getattr(shared, "trashed_at", None) is not None:
        return _OWNER_OF_TRASH if role is Role.OWNER else NOTHING
    return _OF_ROLE[role]


def grants_of(user: AbstractBaseUser | AnonymousUser) -> Q:
    """Return the condition that picks a user's grants: their own, their groups', opened links'.

    None that has expired, whoever it was for.
    """
    mine = Q(pk__in=[])
    if user.is_authenticated and user.is_active:
        mine |= Q(user_id=user.pk)
        if hasattr(user, "groups"):
            mine |= Q(group__in=user.groups.values("pk"))
    links = links_of(user)
    if links:
        mine |= Q(pk__in=links, token__isnull=False)
    return mine & (Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))


def highest(roles: Iterable[str]) -> Role | None:
    """Return the role that allows most, or None of none."""
    return max((Role(role) for role in roles), key=_RANK.__getitem__, default=None)


def of_role(role: Role) -> Abilities:
    """Tell what a role may do."""
    return _OF_ROLE[role]


SESSION_LINKS = "collab_links"
"""Where a session keeps the links that it opened: primary keys of grants, newest last."""


def links_of(user: AbstractBaseUser | AnonymousUser) -> frozenset[int]:
    """Return the links that the user's browser opened, as `visitor` and `user_of_scope` noted."""
    return getattr(user, "collab_links", frozenset())


def visitor(request: HttpRequest) -> Any:
    """Return a request's user, with the links that its session opened."""
    return _with_links(request.user, request.session)


# A session is read with every request; who opens more links than this loses the oldest.
_LINKS_KEPT = 100


def note_link(request: HttpRequest, link: Grant) -> None:
    """Note in a request's session that it opened a link, for `visitor` and `user_of_scope`."""
    opened = [pk for pk in request.session.get(SESSION_LINKS, []) if pk != link.pk]
    request.session[SESSION_LINKS] = [*opened, link.pk][-_LINKS_KEPT:]


def with_link(user: Any, link: Grant) -> Any:
    """Return a user as who had opened a link, too, without noting it anywhere."""
    user.collab_links = links_of(user) | {link.pk}
    return user


async def avisitor(request: HttpRequest) -> Any:
    """Return the same as `visitor`, to async code."""
    user = await request.auser()
    links = await request.session.aget(SESSION_LINKS, [])
    has_login = await request.session.ahas_key(SESSION_KEY)
    return _noted(user, links, has_login=has_login)


def guest_id(session_key: str) -> str:
    """Name an anonymous visitor so that nobody can tell their session from it."""
    return "guest-" + hashlib.sha256(session_key.encode()).hexdigest()[:12]


def _with_links(user: Any, session: Any) -> Any:
    return _noted(user, session.get(SESSION_LINKS, []), has_login=SESSION_KEY in session)


def _noted(user: Any, links: Iterable[int], *, has_login: bool) -> Any:
    # Whose account was disabled must not stay as a guest of the same session.
    if user.is_authenticated or not has_login:
        user.collab_links = frozenset(links)
    return user


@dataclass(frozen=True, slots=True)
class Credential:
    """How a socket was let in: whose it is, and by which session or API key.

    `user` is None for a visitor whom only a link let in. `auth_hash` is Django's hash of the user's
    password at that time: changing it ends sessions. `links` are what the session has opened.
    """

    user: Any
    session: str | None = None
    auth_hash: str = ""
    api_key: int | None = None
    links: frozenset[int] = frozenset()


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
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    session = _SessionData(store.load())
    # Django's own check, with the session's hash of the password; it asks no more of a request.
    known = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
    user: AbstractBaseUser | AnonymousUser = _with_links(known, session)
    _credit(scope, user, session_key, session)
    return user


class _SessionData(dict[str, Any]):
    """What a session holds, to be read only.

    Django's check gives a session that an old secret key signed a new name. A socket could not tell
    the browser, whose next page would be that of nobody.
    """

    def cycle_key(self) -> None:
        """Keep the name; the next page gives another."""

    def flush(self) -> None:
        self.clear()


def _credit(scope: dict[str, Any], user: Any, session_key: str, session: Any) -> None:
    """Leave in the scope how this socket was let in, if it may be."""
    links = links_of(user)
    if links:
        # Those that open nothing any more would be found lapsed again and again.
        valid = Grant.objects.valid().links().filter(pk__in=links)
        links = frozenset(valid.values_list("pk", flat=True))
    if user.is_authenticated:
        auth_hash = str(session.get(HASH_SESSION_KEY, ""))
        scope["collab.credential"] = Credential(user.pk, session_key, auth_hash, links=links)
    elif links:
        scope["collab.credential"] = Credential(None, session_key, links=links)


def _host_user(scope: dict[str, Any]) -> AbstractBaseUser | AnonymousUser:
    """Return, as it is now, the user that a host project's AuthMiddlewareStack put in the scope."""
    session: Any = scope.get("session")
    key = getattr(session, "session_key", None)
    if key is not None and not session.exists(key):
        return AnonymousUser()
    users = get_user_model()._default_manager.filter(is_active=True)
    found = users.filter(pk=scope["user"].pk).first() or AnonymousUser()
    if key is None:
        if found.is_authenticated:
            scope["collab.credential"] = Credential(found.pk)
        return found
    user: AbstractBaseUser | AnonymousUser = _with_links(found, session)
    _credit(scope, user, key, session)
    return user


# A key's last use is written at most this often: it is for people to see, not for counting.
_USE_NOTED_EVERY_S = 3600


def user_of_key(authorization: str) -> AbstractBaseUser | None:
    """Return the active user whose API key an Authorization header carries, or None."""
    key = find_key(authorization)
    return None if key is None else key.user


def find_key(authorization: str) -> ApiKey | None:
    """Return the usable API key that an Authorization header carries, with its user, or None.

    One that only sends numbers is none here.
    """
    scheme, _, secret = authorization.partition(" ")
    return key_of(secret, KeyScope.FULL) if scheme.lower() == "bearer" else None


def only_sends(authorization: str) -> bool:
    """Tell whether a header carries a usable key that may send numbers, and nothing else."""
    scheme, _, secret = authorization.partition(" ")
    return scheme.lower() == "bearer" and key_of(secret, KeyScope.INGEST) is not None


def key_of(secret: str, *scopes: KeyScope) -> ApiKey | None:
    """Return the usable API key with a secret and one of the scopes, with its user, or None."""
    secret = secret.strip()
    if not secret.startswith(ApiKey.PREFIX):
        return None
    keys = ApiKey.objects.usable().select_related("user").filter(scope__in=scopes)
    key = keys.filter(digest=ApiKey.digest_of(secret)).first()
    if key is None:
        return None
    now = timezone.now()
    last: timedelta | None = now - key.last_used_at if key.last_used_at else None
    if last is None or last.total_seconds() > _USE_NOTED_EVERY_S:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key
