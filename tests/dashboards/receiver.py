"""A running site that senders push to, and what is in its database."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import psycopg

from collab.testing.servers import Site

# Small bounds, so that a test meets them with little data.
BYTES = 100_000
UNPACKED_BYTES = 200_000
READINGS = 1000
SERIES = 500
ENVIRONMENT = {
    "COLLAB_INGEST_BYTES": str(BYTES),
    "COLLAB_INGEST_UNPACKED_BYTES": str(UNPACKED_BYTES),
    "COLLAB_INGEST_READINGS": str(READINGS),
    "COLLAB_SERIES_PER_KEY": str(SERIES),
    "COLLAB_RECORD_QUEUE": str(READINGS),
    "COLLAB_SELF_MEASURE": "0",
}


class Receiver:
    """A site with a key that sends, one that may do all, and one that was revoked."""

    def __init__(self, site: Site) -> None:
        self.site = site
        # One for all: making it takes longer than most requests.
        self._http = httpx.Client(timeout=20, verify=False)
        script = (
            "import json; from django.contrib.auth.models import User;"
            "from collab.models import ApiKey, KeyScope; from django.utils import timezone;"
            "user = User.objects.create_user('ada'); ivy = User.objects.create_user('ivy');"
            "keys = {name: ApiKey.issue(user, name, KeyScope(scope))[1] for name, scope in"
            " (('sends', 'ingest'), ('full', 'full'), ('gone', 'ingest'), ('late', 'ingest'))};"
            "ApiKey.objects.filter(name='gone').update(revoked_at=timezone.now());"
            "keys['ivy'] = ApiKey.issue(ivy, 'ivy')[1]; User.objects.filter(pk=ivy.pk)"
            ".update(is_active=False); print(json.dumps(keys))"
        )
        made = site.run("shell", "-v", "0", "-c", script).stdout.splitlines()[-1]
        self.keys: dict[str, str] = json.loads(made)

    @property
    def key(self) -> str:
        return self.keys["sends"]

    def url(self, path: str) -> str:
        return f"{self.site.url}/ingest/{path}"

    def send(
        self, path: str, body: Any = b"", *, method: str = "POST", **headers: str
    ) -> httpx.Response:
        """Send a body with the key that sends; header names with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", f"Bearer {self.key}")
        return self._http.request(method, self.url(path), content=body, headers=named)

    def stored(self, prefix: str) -> dict[str, list[float]]:
        """Return the values of each series whose name begins so, oldest first.

        A series is written `name{label=value,…}`.
        """
        rows = self._rows(
            "SELECT name, labels, value FROM dashboards_series s JOIN dashboards_sample p"
            " ON p.series_id = s.id WHERE name LIKE %s ORDER BY s.id, at_ms",
            f"{prefix}%",
        )
        found: dict[str, list[float]] = {}
        for name, labels, value in rows:
            pairs = ",".join(f"{k}={v}" for k, v in json.loads(labels).items())
            found.setdefault(f"{name}{{{pairs}}}", []).append(value)
        return found

    def ask(self, metric: str, **parameters: str) -> dict[str, float | None]:
        """Ask the API for the last value of each series of a metric: by its labels as JSON."""
        answer = self._http.get(
            f"{self.site.url}/api/query",
            params={"metric": metric, "function": "last", "from": "now-10m", "to": "now",
                    "step": "10m", **parameters},
            headers={"Authorization": f"Bearer {self.keys['full']}"}, timeout=20,
        )  # fmt: skip
        answer.raise_for_status()
        return {
            json.dumps(line["labels"], sort_keys=True): next(
                (value for value in reversed(line["value"]) if value is not None), None
            )
            for line in answer.json()["lines"]
        }

    def _rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        url = self.site.environment.get("DATABASE_URL")
        if url:
            with psycopg.connect(url) as connection:
                return connection.execute(sql, values).fetchall()
        path = Path(self.site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as opened:
            return opened.execute(sql.replace("%s", "?"), values).fetchall()
