"""What the browser tests start: one Chromium, one demo site, and papers that must not complain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from collab.testing.servers import Site, running
from tests.e2e.board import Board, Boards
from tests.e2e.demo import FEW, MANY, Demo
from tests.e2e.paper import Paper
from tests.support import needs

# The machine may be busy with other tests.
expect.set_options(timeout=20_000)

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
]  # fmt: skip

Open = Callable[..., Awaitable[Paper]]
OpenBoard = Callable[..., Awaitable[Board]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium."""
    path = needs.chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def demo_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A demo site that tests leave running."""
    one = Site(tmp_path_factory.mktemp("demo"), command=("up",))
    with running(one):
        yield one


@pytest.fixture(scope="session")
def staged(demo_site: Site) -> Demo:
    """The demo site's people and documents, made once.

    Apart from the browser, which goes with its loop: tests of another loop end that in between.
    """
    one = Demo(demo_site)
    one.prepare(MANY)
    return one


@pytest.fixture
def demo(staged: Demo, chromium: Browser) -> Demo:
    """The demo site's people and documents, in the browser."""
    staged.browser = chromium
    return staged


@pytest_asyncio.fixture(loop_scope="session")
async def own_demo(
    tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> AsyncIterator[Demo]:
    """A demo site for a test that kills it."""
    site = Site(tmp_path_factory.mktemp("demo"), command=("up",))
    with running(site):
        one = Demo(site)
        one.browser = chromium
        one.prepare(FEW)
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def opened() -> AsyncIterator[list[Paper]]:
    """Papers of the test: closed at its end, and no console or CSP may have complained."""
    papers: list[Paper] = []
    yield papers
    for paper in papers:
        await paper.context.close()
    assert [problem for paper in papers for problem in paper.problems] == []


@pytest.fixture
def open_paper(demo: Demo, opened: list[Paper]) -> Open:
    """Open a document of the demo site: `await open_paper("Ada", document)`."""

    async def open_(name: str, document: str, **options: object) -> Paper:
        paper = await demo.open(name, document, **options)
        opened.append(paper)
        return paper

    return open_


@pytest.fixture(scope="session")
def staged_boards(staged: Demo) -> Boards:
    """Dashboards of the demo site."""
    return Boards(staged)


@pytest.fixture
def boards(staged_boards: Boards, demo: Demo) -> Boards:
    """Dashboards of the demo site, in the browser."""
    return staged_boards


@pytest.fixture
def open_board(boards: Boards, opened: list[Paper]) -> OpenBoard:
    """Open a dashboard of the demo site: `await open_board("Ada", dashboard)`."""

    async def open_(name: str, dashboard: str, search: str = "", **options: object) -> Board:
        board = await boards.open(name, dashboard, search, **options)
        opened.append(board)
        return board

    return open_
