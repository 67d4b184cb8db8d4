"""Databases for the tests of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from collab.testing.servers import Site, running
from tests.collab.beds import database
from tests.dashboards.receiver import ENVIRONMENT, Receiver
from tests.dashboards.stores import StoreBed

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

    from collab.testing.servers import Postgres

# Nobody pulls the plug of a test.
_FAST = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


@pytest.fixture(scope="session")
def sqlite_store_alias(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[str]:
    """A SQLite database that threads share."""
    directory = tmp_path_factory.mktemp("store")
    with (
        django_db_blocker.unblock(),
        database("store_sqlite", "", directory, init_command=_FAST) as alias,
    ):
        yield alias


@pytest.fixture(scope="session")
def postgres_store_alias(
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """A database of its own on the session's PostgreSQL."""
    url = postgres.create_database("store")
    directory = tmp_path_factory.mktemp("store")
    with django_db_blocker.unblock(), database("store_postgres", url, directory) as alias:
        yield alias


@pytest.fixture(params=["sqlite", POSTGRES])
def bed(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> Iterator[StoreBed]:
    """An empty store on each database."""
    alias = request.getfixturevalue(f"{request.param}_store_alias")
    with django_db_blocker.unblock():
        one = StoreBed(alias)
        yield one
        one.clean()


@pytest.fixture(scope="session")
def sqlite_receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """A site that senders push to, as `collab up` starts it."""
    site = Site(tmp_path_factory.mktemp("receiver"), environment=ENVIRONMENT)
    with running(site):
        yield Receiver(site)


@pytest.fixture(scope="session")
def postgres_receiver(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Receiver]:
    """The same on a database of its own in PostgreSQL."""
    url = postgres.create_database("receiver")
    directory = tmp_path_factory.mktemp("receiver")
    site = Site(directory, environment=ENVIRONMENT | {"DATABASE_URL": url})
    with running(site):
        yield Receiver(site)


@pytest.fixture(params=["sqlite", POSTGRES])
def receiver(request: pytest.FixtureRequest) -> Receiver:
    """A site that senders push to, on each database."""
    return request.getfixturevalue(f"{request.param}_receiver")  # type: ignore[no-any-return]
