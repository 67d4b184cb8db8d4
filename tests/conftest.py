"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

import pytest

from collab.testing.programs import MissingProgram
from collab.testing.servers import Postgres, Redis, Site, running
from tests.support import needs

if TYPE_CHECKING:
    from tests.documents.cast import Stage

# A shell ignores Ctrl-C in what it starts in the background, and what that starts would, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each worker begin with some of the faults: they wait, mostly, while others compute.

    pytest-xdist cuts the tests into as many consecutive parts as there are workers. Those that need
    the cluster of `tests/faults` are in one of them, so that it is started once.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    parts: list[list[pytest.Item]] = [[] for _ in range(workers)]
    others, turns = [], {"cluster": 0}
    for item in items:
        if not item.nodeid.startswith("tests/faults/"):
            others.append(item)
            continue
        on_cluster = "cluster" in getattr(item, "fixturenames", ())
        what = "cluster" if on_cluster else item.nodeid.partition("::")[0]
        parts[turns.setdefault(what, len(turns)) % workers].append(item)
    rest, left = iter(others), len(items)
    for workers_left, part in zip(range(workers, 0, -1), parts, strict=True):
        size = left // workers_left
        part += islice(rest, max(size - len(part), 0))
        left -= size
    items[:] = [*chain(*parts), *rest]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """Skip tests whose servers are not on this machine, or fail them where all must run."""
    try:
        return (yield)
    except MissingProgram as missing:
        return needs.missing(str(missing))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    try:
        return (yield)
    except MissingProgram as missing:
        return needs.missing(str(missing))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite for tests that leave it running."""
    one = Site(tmp_path_factory.mktemp("site"))
    with running(one):
        yield one


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL for tests that leave it running."""
    one = Postgres(tmp_path_factory.mktemp("postgres"))
    with running(one):
        yield one


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis for tests that leave it running."""
    one = Redis(tmp_path_factory.mktemp("redis"))
    with running(one):
        yield one


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[object]:
    """The live engine of the test's loop, stopped at the end.

    What a site's process does of itself besides would write into the test's one database.
    """
    from collab.process import Process

    monkeypatch.setattr(Process, "starters", [])
    current = Process.current()
    yield current
    await current.stop()


@pytest.fixture(scope="session")
def sqlite_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The site as `collab up` starts it."""
    from tests.documents.cast import ENVIRONMENT, Stage

    site = Site(tmp_path_factory.mktemp("stage"), environment=ENVIRONMENT)
    with running(site):
        stage = Stage(site)
        stage.cast()
        yield stage
