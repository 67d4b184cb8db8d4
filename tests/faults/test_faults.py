"""Everything that may go wrong with a deployment, while people type in Python and in Node."""

from __future__ import annotations

import random

import pytest

from collab.testing.cluster import Cluster
from collab.testing.faults import ALL, Fault, survive
from tests.faults.table import AddRow

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.nginx, pytest.mark.node]


# One takes a minute, and the first of each process starts the cluster.
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "fault", [pytest.param(one, id=one.name) for one in ALL if one.run is not None]
)
async def test_fault_is_survived(cluster: Cluster, fault: Fault, row: AddRow) -> None:
    """Nothing acknowledged is lost, nothing is there twice, and all replicas are equal in time."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    measured = await survive(cluster, fault, random.Random(seed))
    print(measured)
    assert not measured.problems(fault)
    row(fault, measured)
