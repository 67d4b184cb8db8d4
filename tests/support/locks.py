"""Another writer on a SQLite site's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from collab.testing.servers import Site


@contextmanager
def another_writer(site: Site) -> Iterator[sqlite3.Connection]:
    """Hold SQLite's write lock."""
    path = Path(site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        finally:
            if database.in_transaction:
                database.execute("ROLLBACK")
