"""Faults that are done to something else than a cluster, by tests of their own.

For the README's table, and for who wants to know what is looked for.
"""

from __future__ import annotations

from collab.testing.faults.fault import Fault

RESTORE_VERSION = Fault(
    "an old version is restored while others type",
    "what they type meanwhile is in the text, what the restore took away is in the history",
    10,
)
SQLITE_LOCKED = Fault(
    "SQLite locked for 10 s by another writer", "people see each other, nobody reads Saved", 10
)
SQLITE_READ_ONLY = Fault(
    "SQLite's files turn read-only and back", "people see each other, nobody reads Saved", 10
)
SQLITE_DISK_FULL = Fault(
    "SQLite's disk is full, and has room again", "people see each other, nobody reads Saved", 10
)
POSTGRES_DISK_FULL = Fault(
    "PostgreSQL's disk is full, and has room again",
    "people see each other, nobody reads Saved; it recovers by itself or by a restart",
    10,
)
SQLITE_BACKUP = Fault(
    "`VACUUM INTO` and SQLite's online backup under typing, opened by another site",
    "the log is gapless and a beginning of the original's, what was acknowledged before is there",
    10,
)
SLOW_READER = Fault(
    "20 peers read nothing of 10 MB each",
    "the server grows by less than 60 MiB, nobody else waits, they come back equal",
    30,
)
LONG_CONNECTION = Fault(
    "five minutes of a quiet connection, with all clocks 15 times as fast",
    "who only looks on stays connected, who is silent is gone",
    10,
)

FAULTS = tuple(one for one in globals().values() if isinstance(one, Fault))
