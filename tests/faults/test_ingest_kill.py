"""A server that is killed again and again while numbers come in over HTTP."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import httpx
import psycopg
import pytest

from collab.testing.servers import Postgres, Site, running

KILLS = 3
SENDERS = 3
READINGS = 200
LONGEST_LIFE_S = 0.8

_STORED = (
    "SELECT s.labels, p.value FROM dashboards_series s"
    " JOIN dashboards_sample p ON p.series_id = s.id WHERE s.name = 'killed'"
)


class Sender(Thread):
    """Sends batches of readings, each at a time of its own, and notes which were answered."""

    def __init__(self, number: int, site: Site, key: str) -> None:
        super().__init__(daemon=True)
        self.label = str(number)
        self.answered: set[float] = set()
        self.batches: list[list[float]] = []
        self.over = Event()
        self._site = site
        self._key = key
        self._start_ms = int(time.time() * 1000) - 3_600_000

    def run(self) -> None:
        with httpx.Client(headers={"Authorization": f"Bearer {self._key}"}, timeout=20) as sender:
            while not self.over.is_set():
                batch = [float(len(self.batches) * READINGS + n) for n in range(READINGS)]
                self.batches.append(batch)
                try:
                    answer = sender.post(f"{self._site.url}/ingest/json", content=self._body(batch))
                except httpx.HTTPError:
                    self.over.wait(0.02)
                    continue
                if answer.is_success:
                    self.answered.update(batch)

    def _body(self, batch: list[float]) -> bytes:
        return b"\n".join(
            json.dumps({
                "name": "killed", "labels": {"sender": self.label}, "value": value,
                "time": (self._start_ms + value) / 1000,
            }).encode()
            for value in batch
        )  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def environment(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A site's environment for each database."""
    if request.param == "sqlite":
        yield {}
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield {"DATABASE_URL": server.create_database("killed")}


def stored(site: Site) -> dict[str, list[float]]:
    """Read what is stored, by no process of the site's."""
    url = site.environment.get("DATABASE_URL")
    path = Path(site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
    database = psycopg.connect(url) if url else sqlite3.connect(path)
    found: dict[str, list[float]] = {}
    with closing(database):
        for labels, value in database.execute(_STORED).fetchall():
            found.setdefault(json.loads(labels)["sender"], []).append(value)
    return found


@pytest.mark.timeout(180)
def test_killing_the_server_loses_no_sample_that_was_answered(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """What was answered with 2xx is there, once, and a batch is there whole or not at all."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    site = Site(tmp_path, environment=environment)
    with running(site):
        key = site.run("token", "ada", "--create", "--scope", "ingest").stdout.strip()
        senders = [Sender(number, site, key) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        for _ in range(KILLS):
            Event().wait(chance.uniform(0.1, LONGEST_LIFE_S))
            site.kill()
            check(site, senders)
            site.start()
        Event().wait(0.2)
        for sender in senders:
            sender.over.set()
        for sender in senders:
            sender.join(30)
        assert all(len(sender.answered) > KILLS * READINGS for sender in senders)
        site.stop()
        check(site, senders)


def check(site: Site, senders: list[Sender]) -> None:
    # What was answered before is looked for; what is answered later is not there yet.
    answered = {sender.label: set(sender.answered) for sender in senders}
    found = stored(site)
    for sender in senders:
        values = found.get(sender.label, [])
        assert len(values) == len(set(values))
        assert answered[sender.label] <= set(values), f"sender {sender.label} lost samples"
        there = set(values)
        for batch in sender.batches[:-1]:
            assert len(there & set(batch)) in (0, len(batch)), "a batch was torn"
