"""Documents of many edits, stored as each server stores them, to be opened cold."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pycrdt

from collab.testing.servers import Site

# One edit in ten deletes, one in a hundred goes elsewhere in the text first.
_DELETES, _MOVES = 0.1, 0.01

# Rows are read from a file: an edit each, or a snapshot and no rows after it.
_STORE = """
import json
from pathlib import Path
from django.db import connection
from django.utils import timezone
from collab.models import Room, Snapshot, StoredUpdate
from documents.models import Document

INTO = "collab_storedupdate (room_id, seq, data, created_at)"
now = connection.ops.adapt_datetimefield_value(timezone.now())
for document, path, stored in json.loads(GIVEN):
    room = Document.objects.get(pk=document).room
    data, at, rows = Path(path).read_bytes(), 0, []
    state = Path(path).with_suffix(".state").read_bytes()
    if stored == "rows":
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            rows.append(data[at + 4 : at + 4 + size])
            at += 4 + size
    StoredUpdate.objects.filter(room=room).delete()  # Its title.
    table = [(room.pk, seq, row, now) for seq, row in enumerate(rows or [state], 1)]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {INTO} FROM STDIN") as copy:
                for row in table:
                    copy.write_row(row)
        else:
            cursor.executemany(f"INSERT INTO {INTO} VALUES (%s, %s, %s, %s)", table)
    Room.objects.filter(pk=room.pk).update(head=max(len(rows), 1))
    if stored == "snapshot":
        Snapshot.objects.create(room=room, seq=1, data=state)
"""


@dataclass(frozen=True)
class Written:
    """A document that somebody wrote, letter by letter.

    Attributes:
        edits: How many updates it took.
        path: The updates, each after its length (4 bytes); `.state` beside it holds all of them.
        state_bytes: Size of the whole state.
    """

    edits: int
    path: Path
    state_bytes: int


def write(edits: int, directory: Path) -> Written:
    """Write a document; the same one for the same number of edits."""
    path = directory / f"{edits}.edits"
    if not path.exists():
        chance = random.Random(edits)
        doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1)
        text = doc.get("text", type=pycrdt.Text)
        updates: list[bytes] = []
        observer = doc.observe(lambda event: updates.append(event.update))
        at = length = 0
        while len(updates) < edits:
            if chance.random() < _MOVES:
                at = chance.randrange(length + 1)
            if at and chance.random() < _DELETES:
                at, length = at - 1, length - 1
                del text[at]
            else:
                text.insert(at, chance.choice("etaoin shrdlu"))
                at, length = at + 1, length + 1
        doc.unobserve(observer)
        path.write_bytes(b"".join(len(one).to_bytes(4, "big") + one for one in updates))
        path.with_suffix(".state").write_bytes(doc.get_update())
    return Written(edits, path, path.with_suffix(".state").stat().st_size)


def store(site: Site, documents: list[str], written: list[Written], stored: str) -> None:
    """Put written documents where a site will open them: as `rows`, or as a `snapshot`."""
    given = [
        (document, str(one.path), stored) for document, one in zip(documents, written, strict=False)
    ]
    site.run("shell", "-v", "0", "-c", _STORE.replace("GIVEN", repr(json.dumps(given))))


def store_for_hocuspocus(home: Path, names: list[str], written: list[Written]) -> None:
    """Put them where `hocuspocus.mjs` looks."""
    for name, one in zip(names, written, strict=False):
        (home / f"{name}.yjs").write_bytes(one.path.with_suffix(".state").read_bytes())
