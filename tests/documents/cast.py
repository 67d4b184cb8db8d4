"""Who acts in these tests: Alice owns, Bob edits, Rita reads, Charlie must see nothing."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from collab.testing.peer import Peer
from collab.testing.servers import Site

# Small bounds, so that a test meets them with little data.
FRAME_BYTES = 64 * 1024
UPLOAD_BYTES = 256 * 1024
CONTENT_BYTES = 96 * 1024
BURST_FRAMES = 600
ENVIRONMENT = {
    "COLLAB_FRAME_BYTES": str(FRAME_BYTES),
    "COLLAB_UPLOAD_BYTES": str(UPLOAD_BYTES),
    "COLLAB_CONTENT_BYTES": str(CONTENT_BYTES),
    "COLLAB_RATE_FRAMES_PER_S": str(BURST_FRAMES // 10),
    "COLLAB_RATE_BURST_S": "10",
    "COLLAB_HEADS_EVERY_S": "0.2",
}

# Makes everybody, and documents of Alice's to take, in one process.
_CASTING = """
import json
from django.contrib.auth.models import User
from django.test import Client
from collab.models import ApiKey, Grant, Role, Room
from documents.models import Document

people = {}
for name, full in NAMES.items():
    first, _, last = full.partition(" ")
    user = User.objects.create_user(name, first_name=first, last_name=last)
    client = Client()
    client.force_login(user)
    people[name] = {
        "id": user.pk, "key": ApiKey.issue(user, "tests")[1],
        "session": client.cookies["sessionid"].value,
    }
User.objects.filter(username="root").update(is_superuser=True, is_staff=True)
User.objects.filter(username="ivy").update(is_active=False)
ApiKey.objects.filter(user__username="rex").update(revoked_at="2026-01-01T00:00:00Z")
users = {user.username: user for user in User.objects.all()}
rooms = Room.objects.bulk_create(Room(kind="document") for _ in range(COUNT))
made = Document.objects.bulk_create(Document(room=room) for room in rooms)
Grant.objects.bulk_create(
    Grant(room=room, user=users[name], role=role) for room in rooms
    for name, role in (("alice", Role.OWNER), ("bob", Role.EDITOR), ("rita", Role.READER)))
documents = [str(document.pk) for document in made]
print(json.dumps({"people": people, "documents": documents}))
"""
_NAMES = {
    "alice": "Alice Liddell", "bob": "Bob Cratchit", "rita": "Rita Skeeter", "charlie": "Charlie",
    "root": "Root", "ivy": "Ivy", "rex": "Rex", "eve": "<script>alert(1)</script> \" onload='x'",
}  # fmt: skip


@dataclass(frozen=True)
class Actor:
    """A user with an API key and a logged-in browser."""

    id: int
    key: str
    session: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.session}"}


@dataclass
class Stage:
    """A running site with the cast on it."""

    site: Site
    people: dict[str, Actor] = field(default_factory=dict)
    _documents: list[str] = field(default_factory=list)

    def cast(self, documents: int = 300) -> None:
        """Make users, and documents that Alice owns, Bob may edit and Rita may read."""
        script = f"NAMES = {_NAMES!r}\nCOUNT = {documents}\n{_CASTING}"
        made = json.loads(self.site.run("shell", "-v", "0", "-c", script).stdout.splitlines()[-1])
        self.people = {name: Actor(**person) for name, person in made["people"].items()}
        self._documents = made["documents"]

    def __getattr__(self, name: str) -> Actor:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    def document(self) -> str:
        """Take a document that nobody has opened yet. Returns its id."""
        return self._documents.pop()

    def url(self, document: str, tail: str = "") -> str:
        return f"{self.site.ws_url}/ws/documents/{document}{tail}"

    @property
    def origin(self) -> dict[str, str]:
        return {"Origin": self.site.url}

    def peer(self, actor: Actor, document: str) -> Peer:
        return Peer(self.url(document), actor.key)

    def api(self, actor: Actor | None = None) -> httpx.Client:
        """Open an HTTP client that acts as somebody by their API key."""
        headers = {} if actor is None else actor.bearer
        return httpx.Client(base_url=self.site.url, headers=headers, timeout=20, verify=False)

    def browser(self, actor: Actor) -> httpx.Client:
        """Open an HTTP client with somebody's session, and the CSRF token of a page."""
        cookies = {"sessionid": actor.session}
        page = httpx.get(self.site.url, cookies=cookies, timeout=20, verify=False)
        cookies["csrftoken"] = page.cookies["csrftoken"]
        return httpx.Client(
            base_url=self.site.url,
            cookies=cookies,
            headers={"X-CSRFToken": cookies["csrftoken"]},
            verify=False,
            timeout=20,
        )

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the site's database, past the site; `%s` stands for each value."""
        url = self.site.environment.get("DATABASE_URL")
        if url:
            with psycopg.connect(url) as connection:
                return connection.execute(sql, values).fetchall()  # type: ignore[arg-type]
        path = f"{self.site.environment['COLLAB_DATA_DIR']}/collab.sqlite3"
        connection = sqlite3.connect(path)
        try:
            return connection.execute(sql.replace("%s", "?"), values).fetchall()
        finally:
            connection.close()

    def log_of(self, document: str) -> list[tuple[int, int | None, bytes]]:
        """Read a document's rows: (seq, author, update)."""
        key = document if "DATABASE_URL" in self.site.environment else document.replace("-", "")
        rows = self.rows(
            "SELECT seq, author_id, data FROM collab_storedupdate WHERE room_id ="
            " (SELECT room_id FROM documents_document WHERE id = %s) ORDER BY seq",
            key,
        )
        return [(seq, author, bytes(data)) for seq, author, data in rows]


async def open_socket(url: str, headers: dict[str, str]) -> ClientConnection:
    """Open a socket as it is, without a document behind it."""
    return await connect(url, additional_headers=headers, max_size=None, open_timeout=20)


async def end_of(socket: ClientConnection) -> tuple[int, str]:
    """Read until the server closes. Returns its close code and reason."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
