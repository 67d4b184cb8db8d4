"""Hubs of running sites: what is recorded anywhere reaches who looks, whatever else is away."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import time
from collections.abc import Iterator

import pytest

from collab.testing.servers import Postgres, Redis, Site, running
from tests.dashboards.boards import CPU, Board, boards
from tests.dashboards.lookers import Looker

EVERY_S = 1.0
ENVIRONMENT = {"COLLAB_HUB_EVERY_S": str(EVERY_S), "COLLAB_HEADS_EVERY_S": "0.5"}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Board]]:
    """Dashboards of a site on SQLite, one for each test."""
    site = Site(tmp_path_factory.mktemp("hub"), environment=ENVIRONMENT)
    with running(site):
        yield iter(boards((site,), 10, "one_"))


class Two:
    """Two processes on PostgreSQL and Redis of their own; who looks is at the second."""

    def __init__(self, directory: object, postgres: Postgres, redis: Redis, name: str) -> None:
        environment = ENVIRONMENT | {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        first = Site(directory, environment=environment)  # type: ignore[arg-type]
        second = Site(directory, command=("serve",), environment=environment, name="second")  # type: ignore[arg-type]
        self.sites = (first, second)
        self.postgres, self.redis = postgres, redis
        self.boards: Iterator[Board] = iter(())


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """The grown set-up; tests stop and start what they need."""
    directory = tmp_path_factory.mktemp("two")
    postgres, redis = Postgres(directory), Redis(directory)
    made = Two(directory, postgres, redis, "two")
    with running(postgres, redis, *made.sites):
        made.boards = iter(boards(made.sites, 6, "two_"))
        yield made


async def record(board: Board, value: float, **other: int) -> int:
    """Record beside the loop."""
    return await asyncio.to_thread(board.record, value, **other)


async def shows(looker: Looker, *values: float, timeout_s: float = 15) -> None:
    """Wait until the chart has these values."""
    wanted = list(values)
    await looker.until(
        lambda: CPU in looker.charts and looker.charts[CPU].values() == wanted, timeout_s
    )


async def test_a_number_reaches_a_page_at_once(one: Iterator[Board]) -> None:
    """In well under a second from its commit, as text and as a point."""
    board = next(one)
    await record(board, 1)
    looker = await board.look()
    await shows(looker, 1)
    for value in (2, 3):
        await record(board, value)
        began = time.monotonic()
        await looker.until(lambda: looker.shows(CPU, f"<td>{value}</td>"))  # noqa: B023
        assert time.monotonic() - began < 1
    await shows(looker, 1, 2, 3)
    await looker.close()


async def test_a_page_is_rendered_with_its_values(one: Iterator[Board]) -> None:
    """The numbers are there without a script, and no style that the page's policy forbids."""
    board = next(one)
    await record(board, 42)
    answer = await asyncio.to_thread(board.page)
    assert answer.status_code == 200
    assert "<td>42</td>" in answer.text
    assert " style=" not in answer.text


async def test_what_a_page_holds_is_what_the_api_answers(one: Iterator[Board]) -> None:
    """Point for point, after breaks in the middle of it."""
    board = next(one)
    await record(board, 0)
    stays, looker = await board.look(), await board.look()
    await shows(stays, 0)
    await shows(looker, 0)
    for value in range(1, 7):
        if value % 2:
            await looker.close()
        await record(board, value)
        if value % 2:
            await looker.open()
        await looker.until(lambda: looker.charts[CPU].values()[-1:] == [value])  # noqa: B023
    known = looker.charts[CPU].known()
    step = f"{looker.charts[CPU].meta['step']}ms"
    asked = {"metric": board.metric, "function": "last", "from": "now-5m", "step": step}
    answer = (await asyncio.to_thread(board.api, "GET", "query", params=asked)).json()
    expected = zip(answer["at"], answer["lines"][0]["value"], strict=True)
    # The window that is running repeats what was there before it.
    recorded = [(at, value) for at, value in expected if value is not None]
    assert [value for _at, value in known] == [*range(7)]
    assert [point for point in recorded if point[0] <= known[-1][0]] == known
    assert stays.charts[CPU].known() == known
    await looker.close()
    await stays.close()


async def test_a_revoked_reader_is_closed_within_a_second(one: Iterator[Board]) -> None:
    """Here another process revokes, which without a relay is found by comparing."""
    board = next(one)
    key = await asyncio.to_thread(board.sites[0].key, "ben")
    await asyncio.to_thread(board.shell, "sharing.grant(dashboard.room, ben, Role.READER)")
    looker = await board.look(key=key)
    await looker.until(lambda: looker.sent)
    await asyncio.to_thread(board.shell, "sharing.revoke(dashboard.room, ben)")
    assert await looker.until_closed(2) == 4403
    stranger = await board.looker(key=key).open()
    assert await stranger.until_closed() == 4404


async def test_a_command_that_records_reaches_pages(one: Iterator[Board]) -> None:
    """Without a relay the next look at all that is shown brings it."""
    board = next(one)
    await record(board, 1)
    looker = await board.look()
    await shows(looker, 1)
    code = f"import dashboards; dashboards.record('{board.metric}', 7, host='a')"
    await asyncio.to_thread(board.shell, code)
    await looker.until(lambda: looker.charts[CPU].values()[-1] == 7, EVERY_S + 3)
    await looker.close()


async def test_numbers_as_a_file(one: Iterator[Board]) -> None:
    """By RFC 4180, without a mark of byte order, one column per line."""
    board = next(one)
    at_ms = await record(board, 1.5)
    path = f"panels/{CPU}/csv?from=now-5m&tz=Europe/Berlin"
    answer = await asyncio.to_thread(board.page, path)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content[:4] == b"time"
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert rows[0] == ["time", "a"]
    found = [row for row in rows[1:] if row[1]]
    assert [row[1] for row in found] == ["1.5"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+0[12]:00", found[0][0])
    assert answer.text.endswith("\r\n")
    assert at_ms


# Two processes


@pytest.mark.postgres
@pytest.mark.redis
async def test_a_number_of_one_process_reaches_pages_of_another(two: Two) -> None:
    """Told over the relay, in well under a second."""
    board = next(two.boards)
    await record(board, 1)
    looker = await board.look()
    await shows(looker, 1)
    for value in (2, 3):
        await record(board, value)
        began = time.monotonic()
        await looker.until(lambda: looker.charts[CPU].values()[-1] == value)  # noqa: B023
        assert time.monotonic() - began < 0.8
    await looker.close()


@pytest.mark.postgres
@pytest.mark.redis
async def test_a_revocation_reaches_pages_of_another_process(two: Two) -> None:
    """Within a second."""
    board = next(two.boards)
    key = await asyncio.to_thread(board.sites[0].key, "ben")
    await asyncio.to_thread(board.shell, "sharing.grant(dashboard.room, ben, Role.READER)")
    looker = await board.look(key=key)
    await looker.until(lambda: looker.sent)
    code = "sharing.revoke(dashboard.room, ben)\nimport time; print(time.time())"
    await asyncio.to_thread(board.shell, code)
    assert await looker.until_closed(1) == 4403


@pytest.mark.postgres
@pytest.mark.redis
async def test_without_redis_numbers_arrive_a_little_later(two: Two) -> None:
    """By looking every `COLLAB_HUB_EVERY_S` seconds; nobody loads a page anew."""
    board = next(two.boards)
    await record(board, 1)
    looker = await board.look()
    await shows(looker, 1)
    two.redis.kill()
    try:
        for value in (2, 3):
            await record(board, value)
            await looker.until(lambda: looker.charts[CPU].values()[-1] == value, EVERY_S + 2)  # noqa: B023
        assert looker.code is None
    finally:
        two.redis.start()
    await shows(looker, 1, 2, 3)
    await looker.close()


@pytest.mark.postgres
@pytest.mark.redis
async def test_without_a_database_a_page_keeps_its_numbers(two: Two) -> None:
    """Its connection stays, and what is recorded afterwards arrives by itself."""
    board = next(two.boards)
    await record(board, 1)
    looker = await board.look()
    await shows(looker, 1)
    two.postgres.stop()
    try:
        await looker.until(lambda: len(looker.sent) > 0)
        assert looker.shows(CPU, "<td>1</td>")
    finally:
        two.postgres.start()
    await record(board, 2)
    await shows(looker, 1, 2, timeout_s=20)
    assert looker.code is None
    await looker.close()
