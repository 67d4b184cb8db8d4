"""A running site with people and documents on it, on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collab.testing.servers import Postgres, Site, running
from tests.documents.cast import ENVIRONMENT, Stage


@pytest.fixture(scope="session")
def postgres_stage(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The site on a database of its own in PostgreSQL."""
    url = postgres.create_database("stage")
    site = Site(tmp_path_factory.mktemp("stage"), environment=ENVIRONMENT | {"DATABASE_URL": url})
    with running(site):
        stage = Stage(site)
        stage.cast()
        yield stage


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def stage(request: pytest.FixtureRequest) -> Stage:
    """The site on each database."""
    return request.getfixturevalue(f"{request.param}_stage")  # type: ignore[no-any-return]
