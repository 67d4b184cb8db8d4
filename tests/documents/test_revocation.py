"""A right that is taken away ends at sockets that are open, in every process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.testing.peer import Peer
from collab.testing.servers import Postgres, Redis, Site, running
from tests.support.console import Console

IMPORTS = """
from django.contrib.auth.models import User
from collab import sharing
from collab.models import ApiKey, Role
from documents.models import Document
"""


class Stage:
    """A document of Alice's that Bob may edit, served by one process or two.

    Everything is changed by a process of its own, which no peer is connected to.
    """

    def __init__(self, console: Console, *sites: Site) -> None:
        self.sites = sites
        self.console = console
        self.alice, self.bob = sites[0].key("alice"), sites[0].key("bob")

    def document(self) -> str:
        """Make a document that Bob may edit. Returns its id."""
        document = self.sites[0].create_document(self.alice)
        self.change(document, "sharing.grant(room, bob, Role.EDITOR)")
        return document

    def run(self, document: str, code: str) -> str:
        """Run code with `document`, `room` and `bob`. Returns what it printed."""
        names = f"document = Document.objects.get(pk='{document}'); room = document.room\n"
        names += "bob = User.objects.get(username='bob')\n"
        return self.console.run(IMPORTS + names + code)

    def change(self, document: str, code: str) -> float:
        """Run code. Returns when it was done, on the monotonic clock."""
        self.run(document, code)
        return time.monotonic()

    def let_bob_in(self, document: str) -> None:
        """Whatever became of Bob before: he can log in, and has a key."""
        self.bob = self.run(
            document,
            "bob.is_active = True; bob.save(); print(ApiKey.issue(bob, 'tests')[1])",
        ).strip()

    async def bob_in(self, document: str, site: int = -1) -> Peer:
        bob = Peer(f"{self.sites[site].ws_url}/ws/documents/{document}", self.bob)
        await bob.connect()
        return bob


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One process without Redis: what changes elsewhere is found in the database only."""
    site = Site(tmp_path_factory.mktemp("revocation"))
    with running(site), Console(site) as console:
        yield Stage(console, site)


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, redis: Redis
) -> Iterator[Stage]:
    """Two processes behind PostgreSQL and Redis; peers are on the second."""
    directory = tmp_path_factory.mktemp("two")
    environment = {"DATABASE_URL": postgres.create_database("revocation"), "REDIS_URL": redis.url}
    first = Site(directory, environment=environment)
    second = Site(directory, command=("serve",), environment=environment, name="second")
    with running(first, second), Console(first) as console:
        yield Stage(console, first, second)


ENDS = {
    "sharing.revoke(room, bob)": 4403,
    "document.delete()": 4404,
    "bob.is_active = False; bob.save()": 4401,
    "ApiKey.objects.filter(user=bob).delete()": 4401,
}


@pytest.mark.parametrize(("code", "close"), ENDS.items())
async def test_a_lost_right_closes_the_socket_without_a_relay(
    one: Stage, code: str, close: int
) -> None:
    """Through the database alone it takes seconds, and everybody else stays."""
    document = one.document()
    one.let_bob_in(document)
    bob = await one.bob_in(document)
    done = one.change(document, code)
    assert await bob.until_closed() == close
    assert time.monotonic() - done < 10


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize(("code", "close"), ENDS.items(), ids=str)
async def test_a_lost_right_closes_sockets_of_other_processes_at_once(
    two: Stage, code: str, close: int
) -> None:
    """Announced over Redis it takes less than a second."""
    document = two.document()
    two.let_bob_in(document)
    bob = await two.bob_in(document)
    assert await _seconds(two, document, code, bob) < 1
    assert bob.close_code == close


async def _seconds(stage: Stage, document: str, code: str, peer: Peer) -> float:
    """Run code beside the loop. Returns the seconds from its commit to the socket's end."""
    ended: list[float] = []

    async def watch() -> None:
        await peer.until_closed()
        ended.append(time.time())

    code += "\nimport time; print(time.time())"
    done, _ = await asyncio.gather(asyncio.to_thread(stage.run, document, code), watch())
    return ended[0] - float(done.split()[-1])


async def test_a_demoted_editor_reads_on(one: Stage) -> None:
    """The socket stays, what is written on it is refused, and what others write arrives."""
    document = one.document()
    one.let_bob_in(document)
    bob = await one.bob_in(document)
    one.change(document, "sharing.grant(room, bob, Role.READER)")
    denied = protocol.encode(Kind.DENIED, b"")[:2]
    await bob.until(lambda: any(frame[:2] == denied for frame in bob.frames), "the denial")
    await bob.write("not any more")
    alice = Peer(bob.url, one.alice)
    await alice.connect()
    await alice.write("hello Bob")
    await bob.until(lambda: "hello Bob" in str(bob.text), "Alice's words")
    assert str(alice.text) == "hello Bob"
    one.change(document, "sharing.grant(room, bob, Role.EDITOR)")
    await alice.until(lambda: "not any more" in str(alice.text), "Bob's words, once he may again")
    await alice.close()
    await bob.close()


class Browser:
    """A browser in which Bob logged in, with a document open at another process if there is one."""

    def __init__(self, stage: Stage, document: str) -> None:
        self._http = httpx.Client(base_url=stage.sites[0].url, timeout=20)
        self._http.get("/login/")
        self._post("/login/", username="bob", password="pw")
        self.session = self._http.cookies["sessionid"]
        site = stage.sites[-1]
        headers = {"Cookie": f"sessionid={self.session}", "Origin": site.url}
        self.bob = Peer(f"{site.ws_url}/ws/documents/{document}", **headers)

    def log_out(self) -> None:
        self._post("/logout/")

    def _post(self, path: str, **fields: str) -> None:
        form = {"csrfmiddlewaretoken": self._http.cookies["csrftoken"], **fields}
        assert self._http.post(path, data=form).status_code == 302


async def browsers_of_bob(stage: Stage, document: str, count: int) -> list[Browser]:
    """Log Bob in several times, and open the document in each browser."""
    stage.change(document, "bob.is_active = True; bob.set_password('pw'); bob.save()")
    browsers = [Browser(stage, document) for _ in range(count)]
    for browser in browsers:
        await browser.bob.connect()
    return browsers


async def stays(browser: Browser) -> None:
    """Write in a browser, whose socket has been there all the time, and close it."""
    await browser.bob.write("still here")
    await browser.bob.until_saved()
    await browser.bob.close()


async def test_a_logout_closes_the_sockets_of_its_session(one: Stage) -> None:
    """At once where somebody logs out, and within 10 s where nobody tells; others stay open."""
    ends, untold, other = await browsers_of_bob(one, one.document(), 3)
    ends.log_out()
    assert await ends.bob.until_closed(timeout_s=3) == 4401
    # Another process logs out, which this one hears nothing from.
    code = "from django.test import Client; browser = Client()\n"
    code += f"browser.cookies['sessionid'] = '{untold.session}'; browser.logout()"
    await asyncio.to_thread(one.console.run, code)
    assert await untold.bob.until_closed(timeout_s=10) == 4401
    await stays(other)


@pytest.mark.postgres
@pytest.mark.redis
async def test_a_logout_closes_sockets_of_other_processes_at_once(two: Stage) -> None:
    """The process that is logged out of tells the others, and only that session ends."""
    ends, other = await browsers_of_bob(two, two.document(), 2)
    await asyncio.to_thread(ends.log_out)
    assert await ends.bob.until_closed(timeout_s=1) == 4401
    await stays(other)


async def test_an_open_page_hears_that_its_rights_changed(one: Stage) -> None:
    """The socket of its fragments brings the new role, after which the page offers what it can."""
    document = one.document()
    url = f"{one.sites[0].ws_url}/ws/documents/{document}/people"
    async with connect(url, additional_headers={"Authorization": f"Bearer {one.bob}"}) as socket:
        # At once too: they may have changed since the page was made.
        assert 'data-role="editor" data-can-write="true"' in await socket.recv()
        for role, may_write in (("reader", "false"), ("editor", "true")):
            await asyncio.to_thread(
                one.change, document, f"sharing.grant(room, bob, Role('{role}'))"
            )
            async with asyncio.timeout(10):
                while f'data-role="{role}" data-can-write="{may_write}"' not in await socket.recv():
                    pass


# The home page


async def home_of_bob(stage: Stage, site: int = -1) -> ClientConnection:
    """Open the socket of Bob's home page, rendered now."""
    url = f"{stage.sites[site].ws_url}/ws/home?since={int(time.time())}"
    return await connect(url, additional_headers={"Authorization": f"Bearer {stage.bob}"})


async def hears(socket: ClientConnection, *words: str, timeout_s: float = 10) -> float:
    """Read until a frame has all of these words. Returns when that was, as `change` does."""
    async with asyncio.timeout(timeout_s):
        frame = ""
        while not all(word in frame for word in words):
            frame = str(await socket.recv())
    return time.monotonic()


async def test_an_open_list_follows_rights_without_a_relay(one: Stage) -> None:
    """What was shared or taken elsewhere is found in the database, and nobody is shown to Bob."""
    document, other = one.document(), one.document()
    one.let_bob_in(other)
    one.change(other, "sharing.revoke(room, bob)")
    home = await home_of_bob(one)
    alice = Peer(f"{one.sites[0].ws_url}/ws/documents/{document}", one.alice)
    await alice.connect()
    await hears(home, "live__dot", "alice")
    done = await asyncio.to_thread(one.change, document, "sharing.revoke(room, bob)")
    assert await hears(home, "#refresh", "hx-get") - done < 10
    await alice.close()
    done = await asyncio.to_thread(one.change, other, "sharing.grant(room, bob, Role.READER)")
    heard = []
    async with asyncio.timeout(10):
        while not heard or 'hx-target="#refresh"' not in heard[-1]:
            heard.append(str(await home.recv()))
    assert not [frame for frame in heard if "#live-" in frame]
    await home.close()


@pytest.mark.postgres
@pytest.mark.redis
async def test_an_open_list_follows_other_processes_at_once(two: Stage) -> None:
    """Who enters, leaves, shares and renames on one server shows in lists of another in 1.5 s."""
    document = two.document()
    two.let_bob_in(document)
    home = await home_of_bob(two)
    alice = Peer(f"{two.sites[0].ws_url}/ws/documents/{document}", two.alice)
    await alice.connect()
    now = time.monotonic()
    assert await hears(home, "live__dot", "alice") - now < 1.5
    await alice.close()
    now = time.monotonic()
    assert await hears(home, "#live-") - now < 1.5
    rename = "from documents import actions; actions.rename(actor=bob, shared=document, title='N')"
    done = await asyncio.to_thread(two.change, document, rename)
    assert await hears(home, "#title-", ">N<") - done < 1.5
    done = await asyncio.to_thread(two.change, document, "sharing.grant(room, bob, Role.READER)")
    assert await hears(home, "#refresh") - done < 1.5
    await home.close()


# One document for each way in which a right can end; what then becomes of the socket.
WAYS = {
    "crew.user_set.remove(bob)": 4403,
    "crew.delete()": 4403,
    "sharing.withdraw(link)": 4403,
    "sharing.change_role(link, Role.READER)": "denied",
    "actions.trash(actor=alice, shared=document)": 4403,
    "sharing.grant(room, bob, Role.COMMENTER)": "denied",
    "User.objects.filter(pk=bob.pk).first().groups.clear()": 4403,
}
_WAYS_IN = """
import json
from django.contrib.auth.models import Group, User
from django.contrib.sessions.backends.db import SessionStore
from collab import access, sharing
from collab.models import ApiKey, Role
from documents import actions
alice = User.objects.get(username="alice")
made = []
for number, way in enumerate(WAYS):
    document = actions.create_document(actor=alice, title=way)
    bob = User.objects.create_user(f"bob {number} " + NAME)
    crew = Group.objects.create(name=f"crew {number} " + NAME)
    crew.user_set.add(bob)
    session = SessionStore()
    if "link" in way:
        link = sharing.create_link(document.room, Role.EDITOR)
        session[access.SESSION_LINKS] = [link.pk]
    elif "crew" in way or "groups" in way:
        sharing.grant_group(document.room, crew, Role.EDITOR)
    else:
        sharing.grant(document.room, bob, Role.EDITOR)
    session.save()
    key = None if "link" in way else ApiKey.issue(bob, "tests")[1]
    made.append([str(document.pk), key, session.session_key])
print(json.dumps(made))
"""
_WAYS_OUT = """
import json, time
from django.contrib.auth.models import Group, User
from collab import sharing
from collab.models import Grant, Role
from documents import actions
from documents.models import Document
alice = User.objects.get(username="alice")
ends = []
for number, (way, id) in enumerate(zip(WAYS, IDS)):
    document = Document.objects.select_related("room").get(pk=id)
    room = document.room
    bob = User.objects.get(username=f"bob {number} " + NAME)
    crew = Group.objects.filter(name=f"crew {number} " + NAME).first()
    link = Grant.objects.filter(room=room, token__isnull=False).first()
    exec(way)
    ends.append(time.time())
print(json.dumps(ends))
"""


async def _ends(stage: Stage, name: str) -> dict[str, tuple[int | str, float]]:
    """Let a peer in by each way, and take each away. Returns what came of it, after how long."""
    names = f"WAYS = {list(WAYS)!r}\nNAME = {name!r}\n"
    made = json.loads(await asyncio.to_thread(stage.console.run, names + _WAYS_IN))
    peers = []
    for document, key, session in made:
        url = f"{stage.sites[-1].ws_url}/ws/documents/{document}"
        headers = {"Cookie": f"sessionid={session}", "Origin": stage.sites[-1].url}
        peer = Peer(url, key, **({} if key else headers))
        await peer.connect()
        await peer.write("while I may")
        await peer.until_saved()
        peers.append(peer)
    waiting = [asyncio.create_task(_end(peer)) for peer in peers]
    names += f"IDS = {[document for document, _, _ in made]!r}\n"
    told = json.loads(await asyncio.to_thread(stage.console.run, names + _WAYS_OUT))
    ends = [await one for one in waiting]
    for peer in peers:
        await peer.close()
    return {
        way: (what, at - since) for way, (what, at), since in zip(WAYS, ends, told, strict=True)
    }


async def _end(peer: Peer) -> tuple[int | str, float]:
    """Wait until a peer is closed or denied. Returns which, and when."""
    denied = protocol.encode(Kind.DENIED, b"")[:2]

    def is_over() -> bool:
        return peer.close_code is not None or any(frame[:2] == denied for frame in peer.frames)

    await peer.until(is_over, "the end of the right")
    return "denied" if peer.close_code is None else peer.close_code, time.time()


async def test_every_way_in_ends_without_a_relay(one: Stage) -> None:
    """Groups, links, the trash and lesser roles: found in the database within 10 s."""
    found = await _ends(one, "one")
    assert {way: what for way, (what, _) in found.items()} == WAYS
    assert max(after for _, after in found.values()) < 10


@pytest.mark.postgres
@pytest.mark.redis
async def test_every_way_in_ends_in_other_processes_at_once(two: Stage) -> None:
    """Announced over Redis each takes less than a second."""
    found = await _ends(two, "two")
    assert {way: what for way, (what, _) in found.items()} == WAYS
    assert max(after for _, after in found.values()) < 1


async def test_a_link_that_expires_closes_who_came_by_it(one: Stage) -> None:
    """Nobody announces it: within 10 s of its time, and what they wrote before stays."""
    document = one.document()
    code = """
import time
from datetime import timedelta
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from collab import access
end = timezone.now() + timedelta(seconds=3)
link = sharing.create_link(room, Role.EDITOR, end)
session = SessionStore()
session[access.SESSION_LINKS] = [link.pk]
session.save()
print(session.session_key, end.timestamp())
"""
    session, end = one.run(document, code).split()
    headers = {"Cookie": f"sessionid={session}", "Origin": one.sites[0].url}
    guest = Peer(f"{one.sites[0].ws_url}/ws/documents/{document}", **headers)
    await guest.connect()
    await guest.write("in time")
    await guest.until_saved()
    assert await guest.until_closed() == 4403
    assert 0 <= time.time() - float(end) < 10
    alice = Peer(guest.url, one.alice)
    await alice.connect()
    assert str(alice.text) == "in time"
    await alice.close()
