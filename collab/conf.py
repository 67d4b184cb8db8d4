"""Every setting of Collab in one table: name, default, unit and why.

A host project sets them in its Django settings as `COLLAB_<NAME>`; the ready-made site reads the
same names from the environment, strictly.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Any

from django.conf import settings

from collab.engine import firewall
from collab.engine.limits import RoomLimits

MIB = 2**20
KIB = 2**10


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. Its type is that of its default; numbers must be at least `minimum`."""

    name: str
    default: bool | int | float | str
    unit: str
    help: str
    minimum: float = 0

    @property
    def key(self) -> str:
        """The name in Django settings and in the environment."""
        return f"COLLAB_{self.name}"

    def clean(self, value: Any) -> Any:
        """Check a value that a project set.

        Raises:
            ValueError: wrong type, or under the minimum; the text names the setting.
        """
        kind = type(self.default)
        fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value, fits = float(value), True
        if kind is float and fits and not isfinite(value):
            raise ValueError(f"{self.key} must be a finite number, not {value!r}.")
        if not fits:
            raise ValueError(f"{self.key} must be of type {kind.__name__}, not {value!r}.")
        if kind in (int, float) and value < self.minimum:
            raise ValueError(f"{self.key} must be at least {self.minimum:g}, not {value!r}.")
        return value


SETTINGS = (
    Setting(
        "FRAME_BYTES", 8 * MIB, "bytes",
        "Largest frame that a socket may send; larger updates go through the API.", 1024,
    ),
    Setting(
        "UPLOAD_BYTES", 32 * MIB, "bytes", "Largest body of POST /api/documents/<id>/updates.", 1024
    ),
    Setting("CONTENT_BYTES", 2 * MIB, "bytes", "Largest text that the API takes as content.", 1024),
    Setting("IMAGE_BYTES", 10 * MIB, "bytes", "Largest image that a document takes.", 1024),
    Setting(
        "IMAGE_PIXELS", 50_000_000, "pixels",
        "Largest image by its size when unpacked: a small file can hold a huge one.", 1,
    ),
    Setting(
        "DOCUMENT_FILES_BYTES", 1024 * MIB, "bytes", "All images of one document together.", 1
    ),
    Setting(
        "INGEST_BYTES", 8 * MIB, "bytes", "Largest body that a sender of numbers may send.", 1024
    ),
    Setting(
        "INGEST_UNPACKED_BYTES", 8 * MIB, "bytes",
        "Largest such body when unpacked; parsed it can take fifty times as much memory.", 1024,
    ),
    Setting(
        "INGEST_READINGS", 100_000, "readings", "Numbers that one such body may hold.", 1
    ),
    Setting(
        "HISTORY_DAYS", 0, "days",
        "How long every edit is kept; older ones are folded into one, named versions stay."
        " 0: for ever.",
    ),
    Setting(
        "SESSION_GAP_S", 600, "s",
        "A version of the history ends when its author rested this long.", 1,
    ),
    Setting("UPDATE_DEPTH", 64, "levels", "Deepest nesting of values inside one update.", 1),
    Setting(
        "RATE_FRAMES_PER_S", 500.0, "frames/s", "Frames that one peer may send, on average.", 1
    ),
    Setting(
        "RATE_BYTES_PER_S", 16 * MIB, "bytes/s", "Bytes that one peer may send, on average.", 1024
    ),
    Setting("RATE_BURST_S", 10.0, "s", "How long a peer may save up what it did not send.", 1),
    Setting(
        "WINDOW_MIN_S", 0.016, "s",
        "Shortest time between two fan-outs of one room; a quiet room sends at once.",
    ),
    Setting("WINDOW_MAX_S", 0.05, "s", "Longest time between two fan-outs of a busy room."),
    Setting(
        "WINDOW_COST_FACTOR", 6.0, "times",
        "A window lasts this many times what its fan-out cost, within the two bounds.",
    ),
    Setting(
        "OUTBOX_BYTES", 64 * KIB, "bytes",
        "Updates held back for a peer that does not read; past it they collapse into one diff.", 1,
    ),
    Setting(
        "OUTBOX_OVERFLOW_BYTES", 4 * MIB, "bytes",
        "What a peer may miss before it is closed with 1013 to sync anew.", 1,
    ),
    Setting("STALL_S", 30.0, "s", "How long a peer may read nothing before it is closed.", 1),
    Setting("PRESENCE_TICK_S", 0.1, "s", "Shortest time between two frames of cursors.", 0.01),
    Setting("PRESENCE_TICK_MAX_S", 0.5, "s", "Longest time between two frames of cursors.", 0.01),
    Setting(
        "PRESENCE_BYTES_PER_S", 64 * KIB, "bytes/s",
        "Cursor data that one peer is sent; with more people cursors get staler, not dearer.", 1024,
    ),
    Setting(
        "PRESENCE_COST_FACTOR", 50.0, "times",
        "Cursors are sent again after this many times what it cost, within the two bounds.",
    ),
    Setting("PRESENCE_STATE_BYTES", 4 * KIB, "bytes", "Largest state of one cursor.", 64),
    Setting("PRESENCE_EXPIRY_S", 30.0, "s", "A cursor that was not renewed so long is gone.", 5),
    Setting(
        "UNSAVED_BYTES", 64 * MIB, "bytes",
        "Edits that a process holds while the database is away; past it peers get 1013.", 1024,
    ),
    Setting(
        "COMMIT_GAP_MAX_S", 0.1, "s", "Longest rest between two commits of a busy process."
    ),
    Setting(
        "RELAY_UPDATE_BYTES", 256 * KIB, "bytes",
        "Largest update that goes through the channel layer; larger ones are read from the log.",
    ),
    Setting("HEADS_EVERY_S", 3.0, "s", "How often open rooms are compared with the log.", 0.05),
    Setting(
        "HUB_EVERY_S", 5.0, "s",
        "How often dashboards that are looked at are asked anew; what is new is told at once.",
        0.05,
    ),
    Setting("IDLE_S", 30.0, "s", "How long a room without peers stays in memory."),
    Setting("OPEN_ROOMS", 10_000, "rooms", "Rooms that one process holds open at most.", 1),
    Setting("PEERS_PER_ROOM", 5000, "peers", "Connections to one room in one process.", 1),
    Setting("COMPACT_ROWS", 2000, "rows", "A room gets a new snapshot after so many rows.", 1),
    Setting(
        "COMPACT_ROWS_ON_CLOSE", 50, "rows",
        "A room that closes gets a new snapshot if so many rows came since the last.", 1,
    ),
    Setting(
        "STOP_TIMEOUT_S", 6.0, "s", "How long a stop waits for the last commit after SIGTERM.", 0.1
    ),
    Setting(
        "RECORD_QUEUE", 100_000, "readings",
        "Readings that wait for a commit; past it senders get 429, and record() drops.", 1000,
    ),
    Setting(
        "SERIES_PER_KEY", 10_000, "series",
        "Series that one API key may make, or the site itself; past it senders get 429.", 1,
    ),
    Setting("RAW_DAYS", 7, "days", "How long samples are kept as they were recorded.", 1),
    Setting("TEN_SECOND_DAYS", 30, "days", "How long buckets of 10 s are kept.", 1),
    Setting("MINUTE_DAYS", 120, "days", "How long buckets of 1 min are kept.", 1),
    Setting("HOUR_DAYS", 1830, "days", "How long buckets of 1 h are kept.", 1),
    Setting("QUERY_SERIES", 1000, "series", "Series that one question may read.", 1),
    Setting(
        "QUERY_POINTS", 1_000_000, "points",
        "Points that one question may read: its series, times the points of each.", 100,
    ),
    Setting(
        "QUERY_THREADS", 4, "threads", "Questions of the API that one process reads at once.", 1
    ),
    Setting(
        "STORE_UPKEEP", True, "",
        "Whether this process rolls numbers up and prunes them; one of all does at a time.",
    ),
    Setting(
        "SELF_MEASURE", True, "", "Whether this process records how it and its machine are doing."
    ),
    Setting(
        "HTTPS", False, "",
        "The site is reached over TLS, by a proxy that sets X-Forwarded-Proto: cookies are secure.",
    ),
    Setting(
        "METRICS_PUBLIC", False, "",
        "Whether /metrics answers everybody; otherwise a staff member's login or API key.",
    ),
)  # fmt: skip

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}


def get(name: str) -> Any:
    """Return the value of a setting: the project's, or the default.

    Raises:
        ValueError: the project's value is of a wrong type or out of bounds.
        KeyError: no such setting.
    """
    setting = BY_NAME[name]
    return setting.clean(getattr(settings, setting.key, setting.default))


def problems() -> list[str]:
    """List what is wrong with the project's `COLLAB_*` settings, one sentence each."""
    found = []
    for setting in SETTINGS:
        try:
            get(setting.name)
        except ValueError as error:
            found.append(str(error))
    known = {setting.key for setting in SETTINGS}
    found += [
        f"{name} is not a setting of Collab."
        for name in dir(settings)
        if name.startswith("COLLAB_") and name not in known
    ]
    return found


def room_limits() -> RoomLimits:
    """Build the engine's bounds from the settings of the same names."""
    names = {setting.name.lower(): setting.name for setting in SETTINGS}
    values = {f.name: get(names[f.name]) for f in fields(RoomLimits) if f.name in names}
    update = replace(firewall.Limits(), update_bytes=get("UPLOAD_BYTES"), depth=get("UPDATE_DEPTH"))
    return RoomLimits(**values, update=update)
