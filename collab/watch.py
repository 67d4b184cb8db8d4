"""Whether the logins behind open sockets still hold: logout, disabled user, revoked key."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection
from concurrent.futures import Executor
from importlib import import_module
from typing import Any, Protocol

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.utils import timezone

from collab.access import Credential
from collab.models import ApiKey, Grant

logger = logging.getLogger(__name__)

EVERY_S = 5.0
"""How often logins are looked up, for changes whose announcement was missed."""


class Watched(Protocol):
    """A socket whose login is watched."""

    def reconsider(self) -> None:
        """Ask again who this is and what they may do."""

    def log_out(self) -> None:
        """Close: its session ends."""


class Watch:
    """The open sockets of a process, by the login that each came with.

    Args:
        pool: Where its queries run.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._sockets: dict[Watched, Credential] = {}

    def add(self, socket: Watched, credential: Credential) -> None:
        self._sockets[socket] = credential

    def remove(self, socket: Watched) -> None:
        self._sockets.pop(socket, None)

    def hear(self, event: dict[str, Any]) -> None:
        """Take an event that a user or a login changed."""
        user, session = event.get("user"), event.get("session")
        for socket, credential in list(self._sockets.items()):
            if session and credential.session == session:
                # Announced by the logout itself, a moment before the session is gone.
                socket.log_out()
            elif user is not None and credential.user == user:
                socket.reconsider()

    async def run(self) -> None:
        """Look every few seconds, in a fixed number of queries, until cancelled."""
        look = database_sync_to_async(lapsed, thread_sensitive=False, executor=self._pool)
        while True:
            await asyncio.sleep(EVERY_S)
            credentials = set(self._sockets.values())
            if not credentials:
                continue
            with contextlib.suppress(DatabaseError):
                gone = await look(credentials)
                for socket, credential in list(self._sockets.items()):
                    if credential in gone:
                        socket.reconsider()


def lapsed(credentials: Collection[Credential]) -> set[Credential]:
    """Return those that would not be let in now: four queries at most, however many there are."""
    users = get_user_model()._default_manager.filter(
        pk__in={c.user for c in credentials if c.user is not None}, is_active=True
    )
    hashes = {user.pk: _hash_of(user) for user in users}
    keys = {credential.api_key for credential in credentials if credential.api_key is not None}
    usable = set(ApiKey.objects.usable().full().filter(pk__in=keys).values_list("pk", flat=True))
    sessions = _living({c.session for c in credentials if c.session is not None})
    opened = {link for credential in credentials for link in credential.links}
    valid = _valid(opened)

    def holds(credential: Credential) -> bool:
        if credential.session is not None and credential.session not in sessions:
            return False
        if credential.api_key is not None and credential.api_key not in usable:
            return False
        if not credential.links <= valid:
            return False
        if credential.user is None:
            return True
        known = hashes.get(credential.user)
        return known is not None and (credential.session is None or known == credential.auth_hash)

    return {credential for credential in credentials if not holds(credential)}


def _valid(links: Collection[int]) -> set[int]:
    """Return the links that still open something: neither revoked nor expired."""
    if not links:
        return set()
    return set(Grant.objects.valid().links().filter(pk__in=links).values_list("pk", flat=True))


def _hash_of(user: Any) -> str:
    return str(user.get_session_auth_hash()) if hasattr(user, "get_session_auth_hash") else ""


def _living(keys: Collection[str]) -> set[str]:
    """Return the session keys that still open a session."""
    if not keys:
        return set()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if hasattr(store, "get_model_class"):
        rows = store.get_model_class().objects.filter(
            session_key__in=keys, expire_date__gt=timezone.now()
        )
        return set(rows.values_list("session_key", flat=True))
    return {key for key in keys if store(key).exists(key)}
