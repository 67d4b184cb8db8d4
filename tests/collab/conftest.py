"""Databases beside pytest-django's own, because logs write from threads of theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.collab.beds import Bed, MemoryBed, OrmBed, database

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from collab.testing.servers import Postgres

# A log waits so long for another writer's lock; the site's 5 s would only make tests slow.
LOCK_TIMEOUT_S = 0.3


@pytest.fixture(scope="session")
def sqlite_alias(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """A SQLite database that threads share."""
    directory = tmp_path_factory.mktemp("log")
    with (
        django_db_blocker.unblock(),
        database("log_sqlite", "", directory, timeout=LOCK_TIMEOUT_S) as alias,
    ):
        yield alias


@pytest.fixture(scope="session")
def postgres_alias(
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """A database of its own on the session's PostgreSQL."""
    directory = tmp_path_factory.mktemp("log")
    with (
        django_db_blocker.unblock(),
        database("log_postgres", postgres.create_database("log"), directory) as alias,
    ):
        yield alias


POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


@pytest.fixture(params=["memory", "sqlite", POSTGRES])
async def bed(
    request: pytest.FixtureRequest,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Bed]:
    """Every log, one after the other."""
    if request.param == "memory":
        yield MemoryBed()
        return
    # Tests look at rows between their awaits; nothing else runs on their loop meanwhile.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    alias = request.getfixturevalue(f"{request.param}_alias")
    with django_db_blocker.unblock():
        one = OrmBed(alias)
        yield one
        await one.close()


@pytest.fixture(params=["sqlite", POSTGRES])
def alias(request: pytest.FixtureRequest) -> str:
    """A database of each kind."""
    return str(request.getfixturevalue(f"{request.param}_alias"))


@pytest.fixture
async def orm(
    alias: str, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OrmBed]:
    """The ORM's log, on each database."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with django_db_blocker.unblock():
        one = OrmBed(alias)
        yield one
        await one.close()
