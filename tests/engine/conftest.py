"""Every engine test runs in virtual time, on processes that are stopped afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio

from tests.engine.clock import VirtualLoop
from tests.engine.world import World


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], VirtualLoop]]:
    """Run this folder's tests on virtual loops."""
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """A log, a bus, and as many processes as the test starts."""
    world = World()
    yield world
    await world.stop()
