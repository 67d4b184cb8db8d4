"""Fixtures for the tests of a host project: `pytest_plugins = ["collab.testing.fixtures"]`.

`live_site` serves the project's own application, `peers` connects to it, and the marker `backends`
runs a test on several databases and channel layers. docs/testing.md shows them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from collab.testing.peer import Peer
from collab.testing.programs import MissingProgram
from collab.testing.servers import Postgres, Redis, running

if TYPE_CHECKING:
    from collab.testing.backends import Backend, Backends
    from collab.testing.live import LiveSite

# Modules that import Django's models come in with the fixtures: settings are not read before.

_FIXTURE = "collab_backend"

Enter = Callable[..., Awaitable[list[Peer]]]
"""`await peers(path, *who)`."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "backends(*names): run a test with live_site on each: sqlite, postgres, postgres+redis, …",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("backends")
    if marker is not None:
        if _FIXTURE not in metafunc.fixturenames:
            metafunc.fixturenames.append(_FIXTURE)
        metafunc.parametrize(_FIXTURE, marker.args, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Switch to a backend before pytest-django prepares the database for the test."""
    for item in items:
        names = getattr(item, "fixturenames", [])
        if item.get_closest_marker("backends") and _FIXTURE in names:
            names.remove(_FIXTURE)
            first = "_django_db_marker"
            names.insert(names.index(first) if first in names else 0, _FIXTURE)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """Put test databases of SQLite into files if a test serves one: memory is not shared."""
    from django.db import connections

    if not any("live_site" in getattr(item, "fixturenames", ()) for item in request.session.items):
        return
    directory = tmp_path_factory.mktemp("databases")
    for connection in connections.all():
        test = connection.settings_dict["TEST"]
        name = str(test["NAME"] or ":memory:")
        if connection.vendor == "sqlite" and (name == ":memory:" or "mode=memory" in name):
            test["NAME"] = str(directory / f"{connection.alias}.sqlite3")


@pytest.fixture(scope="session")
def collab_backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    """Backends beside the project's own; their servers run until the session ends."""
    from collab.testing.backends import Backends

    with ExitStack() as stack:

        def postgres() -> Postgres:
            server = Postgres(tmp_path_factory.mktemp("postgres"))
            stack.enter_context(running(server))
            return server

        started: list[Redis] = []

        def redis() -> Redis:
            if not started:
                server = Redis(tmp_path_factory.mktemp("redis"))
                stack.enter_context(running(server))
                started.append(server)
            return started[0]

        yield Backends(tmp_path_factory.mktemp("backends"), postgres, redis)


@pytest.fixture
def collab_backend(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Backend]:
    """What the test runs on: one that the marker `backends` names, or the project's own."""
    from collab.testing import backends

    name = getattr(request, "param", None)
    if name is None:
        yield backends.own()
        return
    known: Backends = request.getfixturevalue("collab_backends")
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        try:
            backend = stack.enter_context(known.using(name))
        except MissingProgram as missing:
            # Where everything must be tested, a skip would hide that it is not.
            give_up = pytest.fail if os.environ.get("COLLAB_TEST_STRICT") == "1" else pytest.skip
            give_up(f"backend {name}: {missing}")
        yield backend


@pytest.fixture
def live_site(
    collab_backend: Backend, transactional_db: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveSite]:
    """The project's own ASGI application, served by processes of their own on the test database."""
    from collab.testing.live import LiveSite

    site = LiveSite(
        tmp_path_factory.mktemp("live_site"),
        collab_backend.databases,
        collab_backend.channel_layers,
        processes=collab_backend.processes,
    )
    try:
        site.start()
        yield site
    finally:
        site.kill()


@pytest_asyncio.fixture
async def peers(live_site: LiveSite) -> AsyncIterator[Enter]:
    """Connects peers to a path of the live site: `ada, bob = await peers("/ws/…", user, other)`.

    Each of those who come is a user, an API key, or None for nobody. They are spread over the
    site's processes, have the room's content when the call returns, and leave with the test.
    """
    from channels.db import database_sync_to_async

    made: list[Peer] = []
    addresses = cycle(live_site.ws_urls)

    async def enter(path: str, *who: Any) -> list[Peer]:
        keys = [
            one if one is None or isinstance(one, str)
            else await database_sync_to_async(live_site.key)(one)
            for one in who
        ]  # fmt: skip
        entering = [Peer(next(addresses) + path, key) for key in keys]
        made.extend(entering)
        await asyncio.gather(*(peer.connect() for peer in entering))
        return entering

    yield enter
    await asyncio.gather(*(peer.disconnect() for peer in made))
