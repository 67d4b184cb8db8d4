"""What machines ask a site: does it live, can it serve, what does it count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from collab import metrics
from collab.testing.servers import Postgres, Redis, Site, running, wait_until
from tests.documents.cast import ENVIRONMENT, Stage, end_of, open_socket


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A site with people and documents."""
    site = Site(tmp_path_factory.mktemp("health"), environment=ENVIRONMENT)
    with running(site):
        one = Stage(site)
        one.cast(documents=5)
        yield one


def test_site_lives_and_is_ready(stage: Stage) -> None:
    """Both without a login, for whatever watches the process."""
    alive = httpx.get(f"{stage.site.url}/healthz")
    assert (alive.status_code, alive.text) == (200, "ok\n")
    ready = httpx.get(f"{stage.site.url}/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert httpx.head(f"{stage.site.url}/readyz").status_code == 200
    assert httpx.post(f"{stage.site.url}/healthz").status_code in (403, 405)


@pytest.mark.postgres
async def test_site_through_a_database_that_goes_and_comes(tmp_path: Path) -> None:
    """It lives on without, says what is missing, sends people away to come back, and recovers."""
    (tmp_path / "database").mkdir()
    (tmp_path / "site").mkdir()
    database = Postgres(tmp_path / "database")
    site = Site(tmp_path / "site", environment=ENVIRONMENT | {"DATABASE_URL": database.url})
    with running(database, site):
        stage = Stage(site)
        stage.cast(documents=2)
        document = stage.document()
        alice = stage.peer(stage.alice, document)
        await alice.connect()
        database.stop()
        ready = httpx.get(f"{site.url}/readyz", timeout=10)
        assert (ready.status_code, ready.json()["ready"]) == (503, False)
        # Anybody may ask, so it says what is wrong, and neither where nor how.
        assert ready.json()["checks"]["database"].isidentifier()
        assert ready.json()["checks"]["channel_layer"] == "ok"
        assert httpx.get(f"{site.url}/healthz").status_code == 200
        with stage.api(stage.alice) as api:
            answer = api.get(f"/api/documents/{document}/content")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_away")
        assert int(answer.headers["Retry-After"]) > 0
        assert str(database.port) not in answer.text
        socket = await open_socket(stage.url(document), stage.bob.bearer)
        assert (await end_of(socket))[0] == 1013
        await alice.write("typed without a database")
        assert alice.connected
        database.start()
        wait_until(lambda: httpx.get(f"{site.url}/readyz").status_code == 200, "ready again")
        await alice.until_saved()
        assert site.content(stage.alice.key, document, "yjs").status_code == 200
        await alice.close()


@pytest.mark.redis
def test_site_is_not_ready_while_redis_is_away(tmp_path: Path) -> None:
    """Its processes would not hear each other at once; it lives on all the same."""
    redis = Redis(tmp_path)
    site = Site(tmp_path, environment={"REDIS_URL": redis.url})
    with running(redis, site):
        redis.stop()
        ready = httpx.get(f"{site.url}/readyz", timeout=10)
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "ok")
        assert ready.json()["checks"]["channel_layer"] != "ok"
        assert httpx.get(f"{site.url}/healthz").status_code == 200
        redis.start()
        wait_until(lambda: httpx.get(f"{site.url}/readyz").status_code == 200, "ready again")


# Metrics


def test_metrics_are_for_staff(stage: Stage) -> None:
    """By login or key; everybody else is told how."""
    url = f"{stage.site.url}/metrics"
    for headers in ({}, stage.alice.bearer, stage.alice.cookie, {"Authorization": "Bearer x"}):
        answer = httpx.get(url, headers=headers)
        assert answer.status_code == 401
        assert "staff" in answer.text
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for headers in (stage.root.bearer, stage.root.cookie):
        assert httpx.get(url, headers=headers).status_code == 200


def test_metrics_may_be_public(tmp_path: Path) -> None:
    """Where a proxy keeps the path to the inside."""
    site = Site(tmp_path, environment={"COLLAB_METRICS_PUBLIC": "1"})
    with running(site):
        answer = httpx.get(f"{site.url}/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_metrics_count_what_happens(stage: Stage) -> None:
    """Every metric is there, and each rises with what it is named after."""
    before = stage.site.metrics(stage.root.key)
    document = stage.document()
    alice, bob = stage.peer(stage.alice, document), stage.peer(stage.bob, document)
    await alice.connect()
    await bob.connect()
    await alice.write("counted")
    await alice.until_saved()
    await bob.until(lambda: str(bob.text) == "counted", "the edit")
    bad = await open_socket(stage.url(document), stage.alice.bearer)
    await bad.send(b"\xff\xff")
    await end_of(bad)
    now = stage.site.metrics(stage.root.key)
    assert (now["collab_rooms"], now["collab_peers"]) == (before["collab_rooms"] + 1, 2)
    for name in (
        "collab_updates_total", "collab_flush_seconds_count", "collab_commit_seconds_count",
        "collab_committed_rows_total",
    ):  # fmt: skip
        assert now[name] > before[name], name
    assert now['collab_refused_frames_total{error="FrameMalformed"}'] == 1
    assert now["collab_unsaved_bytes"] == 0
    assert now.keys() >= {
        "collab_outbox_overflows_total",
        "collab_healed_gaps_total",
        "collab_healed_rows_total",
        "collab_relay_lost_events",
        "collab_tasks",
        "collab_python_blocks",
        "collab_malloc_bytes",
    }
    await alice.close()
    await bob.close()


def test_metrics_each_say_what_they_are() -> None:
    """Help and type for every name."""
    text = metrics.render().decode()
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert names == set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    assert {name for name in names if not name.startswith("collab_")} == set()
