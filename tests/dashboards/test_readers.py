"""The threads that read for the API: few, with a bounded line before them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from django.test import override_settings

from collab.api import ApiError
from collab.engine.errors import Overloaded
from dashboards import readers
from dashboards.series.ports import StoreAway


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with override_settings(COLLAB_QUERY_THREADS=1):
        readers._readers.cache_clear()
        yield
        readers._readers()[0].shutdown()
    readers._readers.cache_clear()


async def test_who_comes_to_a_full_line_is_told_to_come_back() -> None:
    """All before are answered, one after the other, and then there is room again."""
    go, at_once, most = threading.Event(), [0], [0]

    def ask() -> int:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        go.wait(20)
        at_once[0] -= 1
        return 7

    waiting = [asyncio.create_task(readers.read(ask)) for _ in range(17)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await readers.read(ask)
    go.set()
    assert await asyncio.gather(*waiting) == [7] * 17
    assert most == [1]
    assert await readers.read(ask) == 7


async def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hangs keeps its thread, and whoever comes behind it waits no longer either."""
    go = threading.Event()
    monkeypatch.setattr(readers, "_ANSWERED_WITHIN_S", 0.05)
    for _ in range(2):
        with pytest.raises(ApiError) as refused:
            await readers.read(lambda: go.wait(20))
        assert (refused.value.status, refused.value.code) == (503, "database_away")
    go.set()
    monkeypatch.undo()
    assert await asyncio.gather(*(readers.read(lambda: 7) for _ in range(15))) == [7] * 15


async def test_a_store_that_is_away_is_an_error_of_the_api() -> None:
    """503, so that callers come back."""

    def ask() -> None:
        raise StoreAway("The database does not answer; try again in a moment.")

    with pytest.raises(ApiError) as refused:
        await readers.read(ask)
    assert (refused.value.status, refused.value.code) == (503, "database_away")
