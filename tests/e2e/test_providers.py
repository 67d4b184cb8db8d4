"""Unmodified y-websocket providers in Node: what every Yjs editor out there speaks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pycrdt
import pytest

from collab.testing.peer import Peer
from collab.testing.servers import Site
from tests.e2e.node import Providers

pytestmark = pytest.mark.node


@pytest.fixture(scope="module")
def key(site: Site) -> str:
    return site.key()


@pytest.fixture
def providers(site: Site, key: str) -> Iterator[Providers]:
    """Node, ready to connect to a new document."""
    one = Providers(site, site.create_document(key), key)
    yield one
    one.end()


async def test_two_providers_and_python_write_every_type_at_once(providers: Providers) -> None:
    """Text, map, array and XML written by three at once are the same for all, and on the server."""
    for name in ("one", "two"):
        providers.make(name)
        providers.until(name, synced=True)
    url = f"{providers.site.ws_url}/ws/documents/{providers.document}"
    python = Peer(url, providers.key)
    await python.connect()
    body: pycrdt.XmlFragment = python.doc.get("body", type=pycrdt.XmlFragment)
    words: pycrdt.Array[str] = python.doc.get("list", type=pycrdt.Array)
    for number in range(20):
        providers.tell("one", "write", words=[f"o{number}"])
        words.append(f"p{number}")
        body.children.append(pycrdt.XmlElement("paragraph", {}, [pycrdt.XmlText(f"p{number}")]))
        await python.write(f"p{number} ", at=0)
        providers.tell("two", "write", words=[f"t{number}"])
    content = await asyncio.to_thread(providers.until_equal, "one", "two", words=60)
    await python.until(lambda: len(words) == 60, "all words")
    assert content["text"] == str(python.text)
    assert content["list"] == words.to_py()
    assert content["body"] == str(body)
    assert content["map"] == {f"{who}{n}": {"by": f"{who}{n}"} for who in "ot" for n in range(20)}
    answer = providers.site.content(providers.key, providers.document)
    stored: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    stored.apply_update(answer.content)
    assert str(stored.get("text", type=pycrdt.Text)) == content["text"]
    await python.close()


def test_providers_merge_what_they_wrote_off_line(providers: Providers) -> None:
    """Both write while disconnected; when they are back both have all of it."""
    for name in ("one", "two"):
        providers.make(name)
        providers.until(name, synced=True)
    providers.tell("one", "write", words=["together"])
    providers.until_equal("one", "two", words=1)
    for name in ("one", "two"):
        providers.tell(name, "disconnect")
        providers.until(name, connected=False)
    providers.tell("one", "write", words=["here", "and"])
    providers.tell("two", "write", words=["there"])
    for name in ("one", "two"):
        providers.tell(name, "connect")
    content = providers.until_equal("one", "two", words=4)
    assert sorted(content["list"]) == ["and", "here", "there", "together"]


def test_presence_comes_and_goes_with_its_provider(providers: Providers) -> None:
    """Each sees the other's state; when one leaves, its state is gone."""
    for name in ("one", "two"):
        providers.make(name)
        providers.tell(name, "present", **{"as": name})
    for name in ("one", "two"):
        providers.until(name, present=["one", "two"])
    providers.tell("two", "destroy")
    providers.until("one", present=["one"])


def test_acks_count_the_frames_that_are_durable(providers: Providers) -> None:
    """With ?ack=1 the handler of type 8 hears of each frame: step 2, and four per write."""
    providers.make("one", ack="1")
    providers.until("one", synced=True, acked=1)
    providers.tell("one", "write", words=["first"])
    providers.until("one", acked=5)
    providers.make("silent")
    providers.until("silent", synced=True)
    providers.tell("silent", "write", words=["second"])
    providers.until_equal("one", "silent", words=2)
    assert providers.status("silent")["acked"] == 0


@pytest.mark.parametrize(
    ("code", "params", "known"),
    [(4404, {}, False), (4409, {"epoch": "99"}, True)],
    ids=["no such document", "other epoch"],
)
def test_a_final_close_code_ends_a_provider(
    providers: Providers, code: int, params: dict[str, str], known: bool
) -> None:
    """4404 and 4409 are not tried again."""
    document = providers.document if known else str(uuid.uuid4())
    providers.make("one", document=document, **params)
    providers.until("one", final=code, connected=False, wants=False)
    assert providers.status("one")["closes"] == [code]


def test_no_login_ends_a_provider(providers: Providers) -> None:
    """4401: a key that opens nothing is not tried again."""
    providers.key = "collab_not_a_key"
    providers.make("one")
    providers.until("one", final=4401, wants=False)


def test_a_restart_brings_providers_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    """1012 is no end: the provider comes back by itself, with what it wrote meanwhile."""
    site = Site(tmp_path_factory.mktemp("restarted"))
    site.start()
    key = site.key()
    providers = Providers(site, site.create_document(key), key)
    try:
        providers.make("one", ack="1")
        providers.until("one", synced=True)
        assert site.stop() == 0
        providers.until("one", connected=False, final=None, wants=True)
        assert providers.status("one")["closes"][0] == 1012
        providers.tell("one", "write", words=["meanwhile"])
        site.start()
        providers.until("one", synced=True, acked=1)
        providers.make("two")
        providers.until_equal("one", "two", words=1)
    finally:
        providers.end()
        site.kill()
