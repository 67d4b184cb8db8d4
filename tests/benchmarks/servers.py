"""The servers that are measured, each on core 0; what is not the server runs on core 1.

Each is started anew for each case, on data of its own: a copy of one prepared site.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from collab.testing.servers import Postgres, Program, Redis, Site, free_port, running, wait_until
from tests.benchmarks import packages

SERVER_CORE, PEER_CORE = "0", "1"
AUTHORS = 20
DOCUMENTS = 500

# Users with keys who all may write in every document.
_PREPARE = """
import json
from django.contrib.auth.models import Group, User
from collab.models import ApiKey, Grant, Role
from documents.actions import create_document
group = Group.objects.create(name="bench")
users = [User.objects.create(username=f"user{n}") for n in range(AUTHORS)]
group.user_set.set(users)
documents = [create_document(actor=users[0], title=f"Document {n}") for n in range(DOCUMENTS)]
Grant.objects.bulk_create(
    [Grant(room_id=one.room_id, group=group, role=Role.EDITOR) for one in documents]
)
keys = [ApiKey.issue(user, "bench")[1] for user in users]
print(json.dumps({"keys": keys, "documents": [str(one.pk) for one in documents]}))
"""


def pinned(core: str, command: Sequence[str]) -> list[str]:
    return ["taskset", "-c", core, *command]


class DurablePostgres(Postgres):
    """PostgreSQL that waits for its disk at every commit, on the peers' core."""

    def spawn(self, command: list[str], environment: Any = None) -> None:
        durable = ["fsync=on" if word == "fsync=off" else word for word in command]
        super().spawn(pinned(PEER_CORE, durable), environment)


class PinnedRedis(Redis):
    """Redis on the peers' core."""

    def spawn(self, command: list[str], environment: Any = None) -> None:
        super().spawn(pinned(PEER_CORE, command), environment)


class PinnedSite(Site):
    """The site on Daphne, on core 0."""

    def spawn(self, command: list[str], environment: Any = None) -> None:
        super().spawn(pinned(SERVER_CORE, command), environment)


class UvicornSite(PinnedSite):
    """The site on uvicorn, with uvloop."""

    def start(self, *, wait: bool = True) -> None:
        command = [sys.executable, "-m", "collab.site.uvicorn", "--port", str(self.port)]
        self.spawn(command, self.environment)
        if wait:
            self.wait_ready()


class Hocuspocus(Program):
    """Hocuspocus on core 0.

    Args:
        directory: Where it stores documents.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__("hocuspocus", directory)
        self.port = free_port()

    def start(self) -> None:
        command = [*packages.script("hocuspocus"), str(self.port), str(self.directory)]
        self.spawn(pinned(SERVER_CORE, command))
        wait_until(lambda: "ready" in self.output(), "Hocuspocus listening")


class YWebsocketServer(Program):
    """y-websocket-server on core 0; it stores nothing."""

    def __init__(self, directory: Path) -> None:
        super().__init__("y-websocket-server", directory)
        self.port = free_port()

    def start(self) -> None:
        path = packages.home() / "node_modules/@y/websocket-server/src/server.js"
        environment = {"PORT": str(self.port), "HOST": "127.0.0.1"}
        self.spawn(pinned(SERVER_CORE, [packages.node(), str(path)]), environment)
        wait_until(lambda: "running at" in self.output(), "y-websocket-server listening")


class Empty(Program):
    """An application that sends given frames and does nothing else, on core 0: what sending costs.

    Args:
        directory: For its log.
        frames: A file of frames, see `tests.benchmarks.empty`.
        environment: A site's.
    """

    def __init__(self, directory: Path, frames: Path, environment: Mapping[str, str]) -> None:
        super().__init__("empty", directory)
        self.port = free_port()
        self._frames = frames
        self._environment = {**environment, "DJANGO_SETTINGS_MODULE": "collab.site.settings"}

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.empty", str(self.port)]
        self.spawn(pinned(SERVER_CORE, [*command, str(self._frames)]), self._environment)
        wait_until(lambda: "ready" in self.output(), "the empty application listening")


@dataclass
class Target:
    """A running server, as the scripts are told of it.

    Attributes:
        arguments: What every script takes: `--url`, `--pids` and so on.
        beside: Processes that the server needs on the other core: Redis, PostgreSQL.
        directory: Its data.
    """

    arguments: list[str]
    programs: Sequence[Program]
    directory: Path
    beside: Mapping[str, Program] = field(default_factory=dict)


@dataclass(frozen=True)
class Setup:
    """How Collab is set up. `environment` holds more settings."""

    server: str = "daphne"
    database: str = "SQLite"
    processes: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


class Stock:
    """A prepared site, of which every case gets a copy; PostgreSQL and Redis for all of them.

    Args:
        directory: Where all of it is kept.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stack = ExitStack()
        self._postgres: Postgres | None = None
        self._databases = 0
        self._facts: dict[str, dict[str, Any]] = {}

    def close(self) -> None:
        self._stack.close()

    def facts(self, database: str) -> dict[str, Any]:
        """Return keys and documents of the prepared site, which is made when it is asked for."""
        if database not in self._facts:
            site = self.site(Setup(database=database), self._home(database), "prepared")
            site.run("migrate", "-v", "0")
            code = _PREPARE.replace("AUTHORS", str(AUTHORS)).replace("DOCUMENTS", str(DOCUMENTS))
            done = site.run("shell", "-v", "0", "-c", code)
            self._facts[database] = json.loads(done.stdout.splitlines()[-1])
        return self._facts[database]

    def _home(self, database: str) -> Path:
        home = self.directory / f"prepared-{database}"
        (home / "data").mkdir(parents=True, exist_ok=True)
        return home

    def site(self, setup: Setup, home: Path, database: str, name: str = "site") -> Site:
        """Describe a site on the data in `home`, and the database of that name on PostgreSQL."""
        kind = UvicornSite if setup.server == "uvicorn" else PinnedSite
        environment = {"SECRET_KEY": "of a benchmark " * 4, **setup.environment}
        if setup.database == "PostgreSQL":
            environment["DATABASE_URL"] = self.postgres().url.rpartition("/")[0] + f"/{database}"
        return kind(home, command=("serve",), environment=environment, name=name)

    def postgres(self) -> Postgres:
        """Return the PostgreSQL of this run."""
        if self._postgres is None:
            home = self.directory / "postgres"
            home.mkdir()
            server = DurablePostgres(home)
            self._stack.enter_context(running(server))
            self._postgres = server
            self._sql("CREATE DATABASE prepared")
        return self._postgres

    def _sql(self, statement: str) -> None:
        with psycopg.connect(self.postgres().url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def copy(self, setup: Setup, home: Path) -> str:
        """Copy the prepared data. Returns the name of the database, of PostgreSQL."""
        self.facts(setup.database)
        shutil.copytree(self._home(setup.database) / "data", home / "data")
        if setup.database != "PostgreSQL":
            return ""
        self._databases += 1
        name = f"case{self._databases}"
        self._sql(f"CREATE DATABASE {name} TEMPLATE prepared")
        return name


Fill = Callable[[Site, list[str]], None]
"""Puts something into documents, by their ids, before the site starts."""


@contextmanager
def collab(stock: Stock, setup: Setup, fill: Fill | None = None) -> Iterator[Target]:
    """Run Collab on a copy of the prepared data."""
    with (
        tempfile.TemporaryDirectory(prefix="case-", dir=stock.directory) as made,
        ExitStack() as up,
    ):
        home = Path(made)
        database = stock.copy(setup, home)
        beside: dict[str, Program] = {}
        extra: dict[str, str] = {}
        if setup.database == "PostgreSQL":
            beside["PostgreSQL"] = stock.postgres()
        if setup.processes > 1:
            redis = PinnedRedis(home)
            up.enter_context(running(redis))
            beside["Redis"] = redis
            extra["REDIS_URL"] = redis.url
        sites = [
            stock.site(
                Setup(setup.server, setup.database, environment={**setup.environment, **extra}),
                home, database, f"site{number}",
            )
            for number in range(setup.processes)
        ]  # fmt: skip
        facts = stock.facts(setup.database)
        if fill is not None:
            fill(sites[0], facts["documents"])
        up.enter_context(running(*sites))
        yield Target(
            [
                "--url", ",".join(f"{one.ws_url}/ws/documents/{{doc}}?ack=1" for one in sites),
                "--docs", ",".join(facts["documents"]),
                "--auth", ",".join(f"Bearer {key}" for key in facts["keys"]),
                "--pids", ",".join(str(one.pid) for one in sites),
            ],
            sites, home, beside,
        )  # fmt: skip


@contextmanager
def other(name: str, directory: Path) -> Iterator[Target]:
    """Run Hocuspocus or y-websocket-server."""
    with tempfile.TemporaryDirectory(prefix="case-", dir=directory) as made:
        home = Path(made)
        if name == "Hocuspocus":
            server: Hocuspocus | YWebsocketServer = Hocuspocus(home)
            url, proto = f"ws://127.0.0.1:{server.port}", "hp"
        else:
            server = YWebsocketServer(home)
            url, proto = f"ws://127.0.0.1:{server.port}/{{doc}}", "y"
        with running(server):
            arguments = ["--proto", proto, "--url", url, "--pids", str(server.pid)]
            yield Target(arguments, [server], home)


@contextmanager
def empty(stock: Stock, frame_bytes: int) -> Iterator[Target]:
    """Run the application that sends frames of one size."""
    with tempfile.TemporaryDirectory(prefix="case-", dir=stock.directory) as made:
        home = Path(made)
        (home / "data").mkdir()
        frames = home / "frames.json"
        frames.write_text(json.dumps([[["bytes", bytes(frame_bytes).hex()]]]))
        server = Empty(home, frames, stock.site(Setup(), home, "").environment)
        with running(server):
            arguments = ["--url", f"ws://127.0.0.1:{server.port}/", "--pids", str(server.pid)]
            yield Target(arguments, [server], home)
