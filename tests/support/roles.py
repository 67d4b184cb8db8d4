"""Everybody that an object knows, from its owner to a stranger, with an object for each try.

Each try that changes something takes an object of its own, so that tries do not meet.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed

from tests.documents.cast import Stage, end_of, open_socket

ROLES = (
    "owner", "editor", "commenter", "reader", "group", "link_reader", "link_editor", "both",
    "none", "anonymous", "trash_owner", "trash_editor", "trash_link",
)  # fmt: skip
"""Who tries. `group` is in a group that edits; `both` reads and opened an editor's link, `none` is
logged in without any grant; `trash_*` are owner, editor and link of what lies in the trash."""

# The script runs in the site's process family, past the sockets that are open: many rows at once.
_SEED = """
import io, json, uuid
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils import timezone
from PIL import Image
from collab.access import SESSION_LINKS
from collab.models import Grant, Role, Room, StoredUpdate, Version

names = ("owner", "editor", "commenter", "reader", "gus", "stranger", "zoe", "newcomer")
users = {name: User.objects.create_user(f"{KIND}-{name}") for name in names}
crew = Group.objects.create(name=f"{KIND} crew")
crew.user_set.add(users["gus"])
Group.objects.create(name=f"{KIND} owners").user_set.add(users["owner"])
CONTENT
rooms = Room.objects.bulk_create(Room(kind=KIND, head=2) for _ in range(len(ROLES) * EACH))
StoredUpdate.objects.bulk_create(
    StoredUpdate(room=room, seq=seq, author=users["owner"], data=data)
    for room in rooms for seq, data in ((1, state), (2, later)))
Version.objects.bulk_create(
    Version(room=room, seq=1, name="First", state=state, whole=True) for room in rooms)
now = timezone.now()
objects = Model.objects.bulk_create(
    Model(room=room, title="A title",
             trashed_at=now if ROLES[at // EACH].startswith("trash") else None)
    for at, room in enumerate(rooms))
grants = []
for at, room in enumerate(rooms):
    for name in ("owner", "editor", "commenter", "reader"):
        grants.append(Grant(room=room, user=users[name], role=name))
    grants.append(Grant(room=room, user=users["zoe"], role="reader"))
    grants.append(Grant(room=room, group=crew, role="editor"))
    for role in ("reader", "editor"):
        grants.append(Grant(room=room, role=role, token=f"{KIND}-{role}-{at}"))
Grant.objects.bulk_create(grants)
BESIDE

# A session keeps the links that it opened, up to a bound: those of one role's documents.
def session(name, links=None, role=None):
    if name is None:
        store = SessionStore()
    else:
        browser = Client()
        browser.force_login(users[name])
        store = SessionStore(browser.cookies["sessionid"].value)
        store.load()
    if links:
        at = ROLES.index(role) * EACH
        tokens = [f"{KIND}-{links}-{each}" for each in range(at, at + EACH)]
        store[SESSION_LINKS] = list(
            Grant.objects.filter(token__in=tokens).values_list("pk", flat=True))
    store.save()
    return store.session_key

def everybody():
    return {
        "owner": session("owner"), "editor": session("editor"), "commenter": session("commenter"),
        "reader": session("reader"), "group": session("gus"), "none": session("stranger"),
        "link_reader": session(None, "reader", "link_reader"),
        "link_editor": session(None, "editor", "link_editor"),
        "both": session("reader", "editor", "both"), "anonymous": None,
        "trash_owner": session("owner"), "trash_editor": session("editor"),
        "trash_link": session(None, "editor", "trash_link"),
    }

zoes = dict(Grant.objects.filter(user=users["zoe"]).values_list("room_id", "pk"))
readers = Grant.objects.filter(token__startswith=f"{KIND}-reader-")
links = dict(readers.values_list("room_id", "token"))
print(json.dumps({"sessions": everybody(), "leaving": everybody(), "objects": {
    role: [[str(one.pk), one.room_id, zoes[one.room_id], links[one.room_id]]
           for one in objects[at * EACH:(at + 1) * EACH]]
    for at, role in enumerate(ROLES)}}))
"""

_CONTENT = {
    "document": """
from documents import attachments, content
from documents.content import rewrite
from documents.models import Attachment
from documents.models import Document as Model
state = rewrite.new_state(content.parse_markdown("first words"), "rich", "A title")
later = rewrite.edit(state, content.parse_markdown("second words"))
""",
    "dashboard": """
from dataclasses import replace
from dashboards.layout import change
from dashboards.layout.model import Layout, Panel, PanelKind, Place
from dashboards.models import Dashboard as Model
panel = Panel("panel00000", PanelKind.TEXT, "Note", Place(0, 0, 4, 2), text="first words")
first = Layout("A title", {panel.id: panel})
state = change.new_state(first)
second = replace(first, panels={panel.id: replace(panel, title="Words")})
later = change.edit(state, lambda before: second)
""",
}
_BESIDE = {
    "document": """
picture = io.BytesIO()
Image.new("RGB", (2, 2)).save(picture, "PNG")
kept = attachments.add(actor=users["owner"], document=objects[0], data=picture.getvalue())
Attachment.objects.filter(pk=kept.pk).update(key="picture")
Attachment.objects.bulk_create(
    Attachment(document=one, key="picture", file=kept.file, content_type="image/png",
               size_bytes=kept.size_bytes, width=2, height=2) for one in objects[1:])
""",
    "dashboard": "",
}

# Django's CSRF check wants the cookie and the header alike.
_TOKEN = "m" * 32


@dataclass(frozen=True, slots=True)
class Tried:
    """An object for one try; `grant` is Zoe's, who reads it, and `token` a reader's link."""

    id: str
    room: int
    grant: int
    token: str

    @property
    def values(self) -> dict[str, Any]:
        """What addresses are filled with."""
        return {
            "document_id": self.id, "dashboard_id": self.id, "panel_id": "panel00000",
            "panel": "panel00000", "grant_id": self.grant, "token": self.token,
            "seq": 1, "key": "picture",
        }  # fmt: skip


class Troupe:
    """Everybody, on a running site.

    Args:
        stage: The site; on SQLite.
        each: How many objects each of them gets to try things on.
        kind: What the objects are, `document` or `dashboard`.
    """

    def __init__(self, stage: Stage, each: int, kind: str = "document") -> None:
        self.stage = stage
        self._kind = kind
        # One client for all: making one, with its certificates, takes longer than a request.
        self._http = httpx.Client(base_url=stage.site.url, timeout=20, verify=False)
        seed = _SEED.replace("CONTENT", _CONTENT[kind]).replace("BESIDE", _BESIDE[kind])
        script = f"ROLES = {ROLES!r}\nEACH = {each}\nKIND = {kind!r}\n{seed}"
        done = stage.site.run("shell", "-v", "0", "-c", script)
        made = json.loads(done.stdout.splitlines()[-1])
        self._sessions: dict[str, str | None] = made["sessions"]
        self._leaving: dict[str, str | None] = made["leaving"]
        self._objects = {
            role: [Tried(*one) for one in objects] for role, objects in made["objects"].items()
        }

    def take(self, role: str) -> Tried:
        """Take an object that nobody has touched."""
        return self._objects[role].pop()

    def headers(self, role: str) -> dict[str, str]:
        """Return what a browser says by itself."""
        return self._said(self._sessions[role])

    def _said(self, session: str | None) -> dict[str, str]:
        cookies = f"csrftoken={_TOKEN}" + ("" if session is None else f"; sessionid={session}")
        return {"Cookie": cookies, "Origin": self.stage.site.url}

    def request(self, role: str, method: str, path: str, **asked: Any) -> httpx.Response:
        """Ask as somebody; no cookie that an answer sets is sent again."""
        return self._ask(self.headers(role), method, path, **asked)

    def leave(self, role: str, method: str, path: str, **asked: Any) -> httpx.Response:
        """Ask the same from another browser of theirs, whose session may end by it."""
        return self._ask(self._said(self._leaving[role]), method, path, **asked)

    def _ask(self, said: dict[str, str], method: str, path: str, **asked: Any) -> httpx.Response:
        headers = said | {"X-CSRFToken": _TOKEN} | asked.pop("headers", {})
        answer = self._http.request(method, path, headers=headers, **asked)
        self._http.cookies.clear()
        return answer

    def close(self) -> None:
        self._http.close()

    def look(self, tried: Tried) -> tuple[object, ...]:
        """Return what a try may change: content, title, trash, grants, names of versions, images.

        The number of all objects tells of copies.
        """
        room, table = tried.room, f"{self._kind}s_{self._kind}"
        return (
            self.stage.rows("SELECT head, access FROM collab_room WHERE id = %s", room),
            self.stage.rows(
                f"SELECT title, trashed_at IS NULL FROM {table} WHERE room_id = %s", room
            ),
            self.stage.rows(
                "SELECT id, role FROM collab_grant WHERE room_id = %s ORDER BY id", room
            ),
            self.stage.rows("SELECT name FROM collab_version WHERE room_id = %s", room),
            self.stage.rows("SELECT COUNT(*) FROM documents_attachment"),
            self.stage.rows(f"SELECT COUNT(*) FROM {table}"),
        )

    def attempt(self, role: str, method: str, path: str, asked: dict[str, Any]) -> str:
        """Ask as somebody, on an object of their own. Returns the status, with "+" for a change."""
        tried = self.take(role)
        before = self.look(tried)
        answer = self.request(role, method, path.format(**tried.values), **asked)
        changed = "+" if self.look(tried) != before else ""
        if role in ("none", "anonymous") and "link" not in path:
            says_it = tried.id in answer.text and answer.status_code != 302
            assert not says_it, "it says what is there"
        return f"{answer.status_code}{changed}"


def expected(answers: str) -> dict[str, str]:
    """Read a table's answers: one for each role, in their order."""
    return dict(zip(ROLES, answers.split(), strict=True))


async def refused(url: str, headers: dict[str, str]) -> str | None:
    """Return the code that a socket is refused with, or None if it is let in.

    One that is let in takes no such frame, and closes with 4422.
    """
    socket = await open_socket(url, headers)
    # It may be closed by now.
    with suppress(ConnectionClosed):
        await socket.send("hello")
    code, _ = await end_of(socket)
    return None if code == 4422 else str(code)
