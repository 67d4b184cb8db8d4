"""What the tests of faults start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.grown import Grown


@pytest.fixture(scope="session")
def _grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    one = Grown(tmp_path_factory.mktemp("grown"))
    try:
        yield one
    finally:
        one.stop()


@pytest.fixture
def grown(_grown: Grown) -> Grown:
    """Two processes on PostgreSQL and Redis, all running."""
    _grown.start()
    return _grown
