"""A running site with people and documents on it, on each database."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from collab.testing.servers import Postgres, Site, running
from tests.documents.cast import ENVIRONMENT, Stage


@pytest.fixture(scope="session")
def postgres_stage(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The site on a database of its own in PostgreSQL."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE stage")
    url = postgres.url.rpartition("/")[0] + "/stage"
    site = Site(tmp_path_factory.mktemp("stage"), environment=ENVIRONMENT | {"DATABASE_URL": url})
    with running(site):
        stage = Stage(site)
        stage.cast()
        yield stage


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def stage(request: pytest.FixtureRequest) -> Stage:
    """The site on each database."""
    return request.getfixturevalue(f"{request.param}_stage")  # type: ignore[no-any-return]
