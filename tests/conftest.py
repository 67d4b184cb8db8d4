"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Generator, Iterator
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with faults: they wait, mostly, and would be what several workers wait for in the end.

    A worker that begins with them also starts their cluster only once.
    """
    items.sort(key=lambda item: not item.nodeid.startswith("tests/faults/"))


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
