"""What `manage.py check` says about a project that uses Collab."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from collab import conf


@register("collab")
def settings_are_known(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Every COLLAB_ setting exists and has a value that it may have."""
    return [
        Error(problem, hint="The README lists every setting.", id="collab.E001")
        for problem in conf.problems()
    ]


@register("collab")
def layer_is_there(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """The channel layer is one that brings events of other processes, and keeps doing so."""
    layer = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {}).get("BACKEND", "")
    if not layer:
        return [
            Warning(
                "There is no channel layer: each process sees the others' edits only with the next "
                "comparison of heads.",
                hint="Set CHANNEL_LAYERS['default'].",
                id="collab.W001",
            )
        ]
    if layer == "channels_redis.core.RedisChannelLayer":
        return [
            Warning(
                "RedisChannelLayer drops events past its capacity and stays deaf after FLUSHALL.",
                hint="Use channels_redis.pubsub.RedisPubSubChannelLayer.",
                id="collab.W002",
            )
        ]
    return []


@register("collab", deploy=False)
def sqlite_locks_at_once(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """SQLite transactions take the write lock when they begin, so that writers wait in line."""
    return [
        Warning(
            f"The SQLite database {alias!r} opens transactions that lock only when they write: "
            "two writers then fail instead of waiting.",
            hint='Set OPTIONS {"transaction_mode": "IMMEDIATE"} and journal_mode=WAL.',
            id="collab.W003",
        )
        for alias, database in settings.DATABASES.items()
        if database.get("ENGINE") == "django.db.backends.sqlite3"
        and database.get("OPTIONS", {}).get("transaction_mode") != "IMMEDIATE"
    ]
