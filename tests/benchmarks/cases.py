"""What is measured: every case, by part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from tests.benchmarks.servers import Setup

DAPHNE, UVICORN = "Collab, Daphne", "Collab, uvicorn"
HOCUSPOCUS, Y_WEBSOCKET = "Hocuspocus", "y-websocket-server"
# What writing the bytes costs, on Daphne: an application that does nothing else.
SENDING = "Daphne, sending alone"
SUBJECTS = (DAPHNE, UVICORN, HOCUSPOCUS, Y_WEBSOCKET)
COLLAB = {DAPHNE: Setup("daphne"), UVICORN: Setup("uvicorn")}

Options = Mapping[str, float | str]


@dataclass(frozen=True)
class Case:
    """One start of one server, and one run of one script against it.

    Attributes:
        part: What it belongs to; tables and plots are made of parts.
        script: The script in this folder.
        options: Its options; they tell the cases of a part from each other.
        subject: What is measured, as the tables call it.
        setup: How Collab is set up; None: `subject` is another server.
    """

    part: str
    script: str
    options: Options
    subject: str
    setup: Setup | None = None

    @property
    def name(self) -> str:
        options = " ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.part}: {self.subject}, {options}"


@dataclass(frozen=True)
class Extent:
    """How much is measured: the points of each part, and seconds of each measurement."""

    fanout: tuple[int, ...] = (2, 20, 100, 200, 400)
    presence: tuple[int, ...] = (50, 200, 500)
    storm: tuple[tuple[int, int], ...] = ((150, 1), (150, 4), (30, 20))
    idle: str = "1000,5000,10000"
    rooms: tuple[int, ...] = (500,)
    edits: tuple[int, ...] = (1_000, 10_000, 50_000, 260_000)
    processes: tuple[int, ...] = (1, 2, 4)
    limits: tuple[int, ...] = (200,)
    seconds: int = 4


DEFAULT = Extent()
QUICK = Extent(
    fanout=(2, 100), presence=(50, 500), storm=((150, 4),), idle="500,1000", rooms=(100,),
    edits=(1_000, 10_000), processes=(1, 2), limits=(100,), seconds=2,
)  # fmt: skip
FULL = Extent(
    fanout=(2, 5, 10, 20, 50, 100, 150, 200, 300, 400), presence=(50, 100, 200, 300, 500),
    storm=((150, 1), (50, 4), (100, 4), (150, 4), (30, 20)), rooms=(100, 500, 1000),
    limits=(20, 50, 100, 200, 400), seconds=8,
)  # fmt: skip

# Edits per second of each peer: what people who write come to, with pauses.
RATE = 2
# Of all peers together.
EDITS_PER_S = 200


def _each(part: str, script: str, options: Options) -> Iterator[Case]:
    """The same for every server."""
    for subject in SUBJECTS:
        yield Case(part, script, options, subject, COLLAB.get(subject))


def fanout(extent: Extent) -> Iterator[Case]:
    for clients in extent.fanout:
        options = {"clients": clients, "rate": RATE, "secs": extent.seconds}
        yield from _each("fanout", "fanout", options)


def edits(extent: Extent) -> Iterator[Case]:
    """The same number of edits in all, of ever more peers: what is one edit, but for its bytes?"""
    for clients in extent.fanout:
        options = {"clients": clients, "rate": EDITS_PER_S / clients, "secs": extent.seconds}
        yield Case("edits", "fanout", options, DAPHNE, COLLAB[DAPHNE])
    yield Case("edits", "sending", {"clients": max(extent.fanout), "bytes": 300}, SENDING)


def presence(extent: Extent) -> Iterator[Case]:
    for clients in extent.presence:
        options = {"clients": clients, "hz": 1, "secs": extent.seconds}
        yield from _each("presence", "presence", options)


def storm(extent: Extent) -> Iterator[Case]:
    for clients, mb in extent.storm:
        yield from _each("storm", "storm", {"clients": clients, "mb": mb})


def idle(extent: Extent) -> Iterator[Case]:
    yield from _each("idle", "idle", {"levels": extent.idle})


def rooms(extent: Extent) -> Iterator[Case]:
    for count in extent.rooms:
        yield from _each("rooms", "rooms", {"rooms": count, "rate": 1, "secs": extent.seconds})


# Rooms close at once, and are not compacted: what is stored stays as it was made.
_COLD = {
    "COLLAB_IDLE_S": "0",
    "COLLAB_COMPACT_ROWS": "100000000",
    "COLLAB_COMPACT_ROWS_ON_CLOSE": "100000000",
}


def opening(extent: Extent) -> Iterator[Case]:
    counts = ",".join(map(str, extent.edits))
    for database, stored in product(("SQLite", "PostgreSQL"), ("snapshot", "rows")):
        setup = Setup(database=database, environment=_COLD)
        options = {"edits": counts, "stored": stored}
        yield Case("open", "open", options, f"Collab, {database}", setup)
    yield Case("open", "open", {"edits": counts, "stored": "snapshot"}, HOCUSPOCUS)


def databases(extent: Extent) -> Iterator[Case]:
    """Time to ack, alone and among many, and what the database adds to the cost of an edit."""
    for clients, database, server in product(
        (2, 100), ("SQLite", "PostgreSQL"), ("daphne", "uvicorn")
    ):
        options = {"clients": clients, "rate": RATE, "secs": extent.seconds}
        subject = f"{server.capitalize() if server == 'daphne' else server}, {database}"
        yield Case("databases", "fanout", options, subject, Setup(server, database))


def processes(extent: Extent) -> Iterator[Case]:
    """Web processes share core 0; PostgreSQL and Redis are on the other core."""
    for count in extent.processes:
        options = {"clients": 200, "rate": RATE, "secs": extent.seconds}
        subject = f"{count} process{'es' if count > 1 else ''}"
        yield Case("processes", "fanout", options, subject, Setup("daphne", "PostgreSQL", count))


def limits(extent: Extent) -> Iterator[Case]:
    for clients in extent.limits:
        options = {"clients": clients, "secs": max(2, extent.seconds // 2)}
        yield from _each("limits", "limits", options)


PARTS = {
    "fanout": fanout,
    "edits": edits,
    "presence": presence,
    "storm": storm,
    "idle": idle,
    "rooms": rooms,
    "open": opening,
    "databases": databases,
    "processes": processes,
    "limits": limits,
}


def cases(extent: Extent, only: list[str] | None = None) -> list[Case]:
    """List what is measured, in order."""
    return [
        case
        for name, make in PARTS.items()
        if not only or name in only
        for case in make(extent)
    ]  # fmt: skip
