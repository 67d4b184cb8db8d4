"""Databases and channel layers that tests run on, beside the project's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asgiref.local import Local
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.utils import ConnectionHandler
from django.test.utils import override_settings

from collab.testing.servers import Postgres, Redis


@dataclass
class Backend:
    """What a test runs on.

    `databases` is what differs from the settings, by alias; `channel_layers` is None for those of
    the settings. `processes` is how many serve: two where they share a layer.
    """

    name: str
    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    channel_layers: dict[str, Any] | None = None
    processes: int = 1


def own() -> Backend:
    """Return the project's own: its test databases, its layer."""
    names = {one.alias: {"NAME": one.settings_dict["NAME"]} for one in connections.all()}
    return Backend("own", names)


class Backends:
    """Makes backends by name, each once.

    Args:
        directory: For databases.
        postgres, redis: Start a server, once each. Raise MissingProgram.
    """

    def __init__(
        self, directory: Path, postgres: Callable[[], Postgres], redis: Callable[[], Redis]
    ) -> None:
        self._directory = directory
        self._postgres = postgres
        self._redis = redis
        self._made: dict[str, dict[str, Any]] = {}

    @contextmanager
    def using(self, name: str) -> Iterator[Backend]:
        """Have every thread use a backend for a while. The tables are made the first time.

        Args:
            name: `sqlite` or `postgres`, `+redis` after it for two processes with a Redis between
                them.

        Raises:
            ValueError: there is no such backend.
            MissingProgram: a server that it needs is not on this machine.
        """
        database, _, layer = name.partition("+")
        if database not in ("sqlite", "postgres") or layer not in ("", "redis"):
            raise ValueError(f"{name!r} is no backend: sqlite, postgres, sqlite+redis, …")
        redis = self._redis() if layer else None
        memory = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
        layers = {"default": _redis_layer(redis) if redis else memory}
        new = database not in self._made
        if new:
            self._made[database] = self._sqlite() if database == "sqlite" else self._server()
        found = self._made[database]
        with override_settings(CHANNEL_LAYERS=layers), switched(found):
            if new:
                found["NAME"] = connection.creation.create_test_db(verbosity=0, autoclobber=True)
            yield Backend(name, {DEFAULT_DB_ALIAS: found}, layers, 2 if layer else 1)

    def _sqlite(self) -> dict[str, Any]:
        path = str(self._directory / "collab.sqlite3")
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode=WAL;",
        }
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "OPTIONS": options,
            "TEST": {"NAME": path},
        }

    def _server(self) -> dict[str, Any]:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "PASSWORD": "",
            "HOST": "127.0.0.1",
            "PORT": self._postgres().port,
            "OPTIONS": {},
            "TEST": {"NAME": "collab_tests"},
        }


def _redis_layer(redis: Redis) -> dict[str, Any]:
    return {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [redis.url], "prefix": "collab-tests"},
    }


@contextmanager
def switched(database: dict[str, Any]) -> Iterator[None]:
    """Have every thread's connections of the default alias be to another database, for a while.

    Django has no other way once connections are made: it keeps one for each thread, of which only
    the thread itself knows.
    """
    handler: Any = connections
    before = handler.settings, handler._connections
    name = before[0][DEFAULT_DB_ALIAS]["NAME"]
    handler.close_all()
    other = ConnectionHandler({DEFAULT_DB_ALIAS: database}).settings
    handler.settings = before[0] | other
    handler._connections = Local(handler.thread_critical)
    _forget_content_types()
    try:
        yield
    finally:
        handler.close_all()
        handler.settings, handler._connections = before
        # Whoever makes a test database writes its name into the settings of the alias.
        before[0][DEFAULT_DB_ALIAS]["NAME"] = name
        _forget_content_types()


def _forget_content_types() -> None:
    """Their primary keys are another database's."""
    if apps.is_installed("django.contrib.contenttypes"):
        from django.contrib.contenttypes.models import ContentType

        ContentType.objects.clear_cache()
