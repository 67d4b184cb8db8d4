"""The virtual loop on which the other tests stand."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.engine.clock import VirtualLoop, spend


async def test_virtual_time_jumps_to_the_next_timer() -> None:
    """An hour passes at once, and timers keep their order."""
    loop = asyncio.get_running_loop()
    order: list[str] = []
    loop.call_later(20, order.append, "second")
    loop.call_later(10, order.append, "first")
    real = time.monotonic()
    started = loop.time()
    await asyncio.sleep(3600)
    assert order == ["first", "second"]
    assert loop.time() - started == pytest.approx(3600)
    assert time.monotonic() - real < 1


async def test_virtual_time_passes_while_code_spends_it() -> None:
    """A test can say how long the code under test took."""
    started = asyncio.get_running_loop().time()
    spend(0.5)
    assert asyncio.get_running_loop().time() - started == 0.5


def test_virtual_loop_ends_what_would_wait_for_ever() -> None:
    """A lost wake-up is an error at once, not a hanging test."""
    loop = VirtualLoop()
    try:
        with pytest.raises(RuntimeError, match="no timer"):
            loop.run_until_complete(asyncio.Event().wait())
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
