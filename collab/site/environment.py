"""The environment, read strictly: what a setting of the site means."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import environ

from collab import conf

SITE_VARIABLES = {"COLLAB_DATA_DIR", "COLLAB_TEST_STRICT"}
"""Variables of ours that are no settings of `collab.conf`."""

# A database that is gone without a word must not hold up what waits for it: without these, Linux
# sends for 15 minutes what nobody takes, and finds out about a silent connection after two hours.
_TCP_PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def data_dir() -> Path:
    """Where the site keeps its database, secret key and uploads."""
    chosen = os.environ.get("COLLAB_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser().resolve()
    home = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(home).expanduser() / "collab"


def stored_secret(directory: Path) -> str:
    """Return the secret key of a data directory, empty if there is none yet."""
    try:
        return (directory / "secret_key").read_text().strip()
    except OSError:
        return ""


def collab_settings(variables: Mapping[str, str]) -> dict[str, Any]:
    """Parse the `COLLAB_*` variables.

    Raises:
        ValueError: one is unknown, or is not of its setting's type or bounds.
    """
    by_key = {setting.key: setting for setting in conf.SETTINGS}
    values = {}
    for name, text in variables.items():
        if not name.startswith("COLLAB_") or name in SITE_VARIABLES:
            continue
        if name not in by_key:
            raise ValueError(f"{name} is not a setting of Collab.")
        values[name] = by_key[name].clean(_parse(name, text, type(by_key[name].default)))
    return values


def database(url: str, directory: Path) -> dict[str, Any]:
    """Describe the database to Django: DATABASE_URL, or SQLite in the data directory.

    Raises:
        ValueError: the URL is of no database that the site works with.
    """
    if not url:
        url = f"sqlite:///{directory / 'collab.sqlite3'}"
    _check_scheme("DATABASE_URL", url, ("postgres", "postgresql", "sqlite"))
    settings: dict[str, Any] = environ.Env.db_url_config(url)
    settings["CONN_MAX_AGE"] = 600
    if settings["ENGINE"] == "django.db.backends.sqlite3":
        settings["OPTIONS"] = {
            # Writers wait in line instead of failing when they come to write.
            "transaction_mode": "IMMEDIATE",
            # Short: the journal tries again anyway, and a stop must not wait for a lock that stays.
            "timeout": 2,
            # FULL: "Saved" holds through a power cut too; group commit pays for the fsync.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
    else:
        settings["CONN_HEALTH_CHECKS"] = True
        settings["OPTIONS"] = _TCP_PATIENCE | settings.get("OPTIONS", {})
    return settings


def channel_layer(url: str) -> dict[str, Any]:
    """Describe the channel layer: REDIS_URL, or in memory for one process.

    Raises:
        ValueError: the URL is not Redis's.
    """
    if not url:
        return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    _check_scheme("REDIS_URL", url, ("redis", "rediss", "unix"))
    return {
        # Pub/sub comes back by itself after a restart or FLUSHALL; what it loses, the log heals.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [url], "prefix": "collab"},
    }


def trusted_origins(origins: list[str]) -> list[str]:
    """Check CSRF_TRUSTED_ORIGINS.

    Raises:
        ValueError: one has no scheme, so it would match nothing.
    """
    for origin in origins:
        _check_scheme("CSRF_TRUSTED_ORIGINS", origin, ("http", "https"))
    return origins


def _check_scheme(name: str, url: str, schemes: Sequence[str]) -> None:
    scheme, found, _ = url.partition("://")
    if not found or scheme not in schemes:
        # Not the URL itself: it may hold a password.
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"{name} must begin with {wanted}.")


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise ValueError(f"{name} must be true or false, not {text!r}.")
    try:
        return kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} must be {wanted}, not {text!r}.") from None
