"""Whatever happens to a cluster, nothing acknowledged is lost and every replica converges."""

from __future__ import annotations

import os
import random

import pytest

from tests.convergence.exploring import explore

EXAMPLES = int(os.environ.get("CONVERGENCE_EXAMPLES", "50"))
SEED = os.environ.get("CONVERGENCE_SEED")


# A long run is asked for by its number of examples; a tenth of a second is plenty for one.
@pytest.mark.timeout(120 + EXAMPLES)
def test_a_cluster_converges_and_loses_nothing_acknowledged() -> None:
    """New clusters in each run; one that fails says how to repeat it."""
    seed = random.SystemRandom().randrange(2**32) if SEED is None else int(SEED)
    explore(seed=seed, examples=EXAMPLES)
