"""What a SQLite site has on its disk, past the site."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pycrdt

from collab.testing.servers import Site


class StoredLog:
    """A document's log, also as a crash left it, read row by row into a replica of the test's own.

    Args:
        site: The site, on SQLite.
        document: The document's id.
    """

    def __init__(self, site: Site, document: str) -> None:
        self.site = site
        self.path = Path(site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
        self.document = UUID(document).hex
        self.head = 0
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.text: pycrdt.Text = self.doc.get("text", type=pycrdt.Text)

    def read(self) -> list[int]:
        """Take the rows since the last call. Returns their seqs; `head` is what the room says.

        While the site is down, a copy of the files is read: the site itself has to recover what
        was left, not SQLite here.
        """
        if self.site.running:
            live = sqlite3.connect(f"file:{self.path}?mode=ro", timeout=10, uri=True)
            with closing(live):
                return self._take(live)
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory) / self.path.name
            for suffix in ("", "-wal"):
                source = self.path.with_name(self.path.name + suffix)
                if source.exists():
                    shutil.copy(source, copy.with_name(copy.name + suffix))
            with closing(sqlite3.connect(copy)) as database:
                return self._take(database)

    def _take(self, database: sqlite3.Connection) -> list[int]:
        room, head = database.execute(
            "SELECT r.id, r.head FROM collab_room r JOIN documents_document d ON d.room_id = r.id"
            " WHERE d.id = ?",
            (self.document,),
        ).fetchone()
        rows = database.execute(
            "SELECT seq, data FROM collab_storedupdate WHERE room_id = ? AND seq > ? ORDER BY seq",
            (room, self.head),
        ).fetchall()
        for _, data in rows:
            self.doc.apply_update(bytes(data))
        self.head = int(head)
        return [int(seq) for seq, _ in rows]
