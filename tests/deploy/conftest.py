"""The deployed topology, started once for this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collab.testing import programs
from collab.testing.servers import Postgres, Redis, running
from tests.deploy.topology import Topology, deployed


@pytest.fixture(scope="package")
def topology(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """nginx and two web processes on a PostgreSQL and a Redis of their own; TLS ends elsewhere."""
    programs.nginx()
    postgres = Postgres(tmp_path_factory.mktemp("deploy-postgres"))
    redis = Redis(tmp_path_factory.mktemp("deploy-redis"))
    with (
        running(postgres, redis),
        deployed(tmp_path_factory.mktemp("deploy"), postgres, redis) as one,
    ):
        yield one


@pytest.fixture(scope="package")
def key(topology: Topology) -> str:
    """An API key of Ada's."""
    return topology.webs["web1"].key()
