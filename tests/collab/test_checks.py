"""What `check` says about a project's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import run_checks

if TYPE_CHECKING:
    from pytest_django import Settings

IMMEDIATE = {"transaction_mode": "IMMEDIATE"}
SQLITE = "django.db.backends.sqlite3"
REDIS = "channels_redis.pubsub.RedisPubSubChannelLayer"


def ids() -> list[str | None]:
    return [found.id for found in run_checks(tags=["collab"])]


def test_site_has_nothing_to_say() -> None:
    """The ready-made settings are as they should be."""
    assert ids() == []


@pytest.mark.parametrize(("name", "value"), [("COLLAB_IDLE_S", "x"), ("COLLAB_IDLE", 5)])
def test_wrong_and_unknown_settings_are_errors(settings: Settings, name: str, value: Any) -> None:
    """One each, with the setting's name."""
    setattr(settings, name, value)
    found = run_checks(tags=["collab"])
    assert [(one.id, name in one.msg) for one in found] == [("collab.E001", True)]
    assert found[0].hint


@pytest.mark.parametrize(
    ("layers", "warnings"),
    [
        ({}, ["collab.W001"]),
        ({"other": {"BACKEND": REDIS}}, ["collab.W001"]),
        ({"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}, ["collab.W002"]),
        ({"default": {"BACKEND": REDIS}}, []),
        ({"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}, []),
    ],
)
def test_channel_layer_is_one_that_keeps_its_promises(
    settings: Settings, layers: dict[str, Any], warnings: list[str]
) -> None:
    """None at all, and the one that stays deaf after FLUSHALL, are warned of."""
    settings.CHANNEL_LAYERS = layers
    assert ids() == warnings


@pytest.mark.parametrize(
    ("database", "warnings"),
    [
        ({"ENGINE": SQLITE}, ["collab.W003"]),
        ({"ENGINE": SQLITE, "OPTIONS": {"transaction_mode": "DEFERRED"}}, ["collab.W003"]),
        ({"ENGINE": SQLITE, "OPTIONS": IMMEDIATE}, []),
        ({"ENGINE": "django.db.backends.postgresql"}, []),
    ],
)
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")  # Nothing connects here.
def test_sqlite_takes_its_lock_when_a_transaction_begins(
    settings: Settings, database: dict[str, Any], warnings: list[str]
) -> None:
    """Deferred, two writers fail where they could wait."""
    settings.DATABASES = {"default": database}
    assert ids() == warnings
