"""Two web processes behind the deployed nginx: edits, uploads, logins, and the end of one."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx
import pycrdt
import pytest
import websockets

from collab import conf
from collab.testing.peer import Peer
from tests.deploy.topology import Topology

pytestmark = [pytest.mark.nginx, pytest.mark.postgres, pytest.mark.redis]

HTTPS = {"X-Forwarded-Proto": "https"}


def create_document(topology: Topology, key: str) -> str:
    """Create one through nginx, once nobody is left of an earlier test. Returns its id."""
    topology.wait_until_empty()
    answer = httpx.post(
        f"{topology.nginx.url}/api/documents", json={"title": "Behind nginx"}, headers=bearer(key)
    )
    assert answer.status_code == 201
    return str(answer.json()["id"])


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def peer_through_nginx(
    topology: Topology, document: str, key: str, stack: AsyncExitStack
) -> Peer:
    peer = Peer(f"{topology.nginx.ws_url}/ws/documents/{document}", key)
    stack.push_async_callback(peer.close)
    await peer.connect()
    return peer


async def test_edits_converge_across_both_processes(topology: Topology, key: str) -> None:
    """Peers that nginx spreads over both processes end equal, and each edit is acknowledged."""
    document = create_document(topology, key)
    async with AsyncExitStack() as stack:
        peers = [await peer_through_nginx(topology, document, key, stack) for _ in range(4)]
        assert [topology.peers_of(name) for name in topology.webs] == [2, 2]
        tags = [f"<{number}:{word}>" for number in range(4) for word in range(5)]
        for tag in tags:
            await peers[int(tag[1])].write(tag)
        for peer in peers:
            await peer.until_saved()
            await peer.until(lambda p=peer: len(str(p.text)) == len("".join(tags)), "all edits")
        assert len({str(peer.text) for peer in peers}) == 1
        assert all(str(peers[0].text).count(tag) == 1 for tag in tags)


async def test_next_socket_goes_to_the_process_that_has_fewer(topology: Topology, key: str) -> None:
    """A process whose peers left gets the next ones, until it has as many as the other."""
    document = create_document(topology, key)
    async with AsyncExitStack() as stack:
        await peer_through_nginx(topology, document, key, stack)
        for _ in range(4):
            peer = await peer_through_nginx(topology, document, key, stack)
            assert [topology.peers_of(name) for name in topology.webs] == [1, 1]
            await peer.close()


async def test_peers_of_a_killed_process_come_back_through_the_other(
    topology: Topology, key: str
) -> None:
    """After kill -9 of a process nginx sends its peers to the other; nothing saved is lost."""
    document = create_document(topology, key)
    async with AsyncExitStack() as stack:
        peers = [await peer_through_nginx(topology, document, key, stack) for _ in range(4)]
        for number, peer in enumerate(peers):
            await peer.write(f"<{number}>")
            await peer.until_saved()
        topology.webs["web1"].kill()
        try:
            for peer in await first_to_be_closed(peers, 2):
                assert peer.close_code == 1006
                await peer.connect()
            assert topology.peers_of("web2") == 4
            for peer in peers:
                await peer.write("<still here>")
                await peer.until_saved()
            for peer in peers:
                await peer.until(lambda p=peer: str(p.text).count("<still") == 4, "all edits")
                assert all(str(peer.text).count(f"<{number}>") == 1 for number in range(4))
        finally:
            topology.webs["web1"].start()


async def first_to_be_closed(peers: list[Peer], count: int) -> list[Peer]:
    """Wait until so many peers are closed. Returns them."""
    waiting = {asyncio.create_task(peer.until_closed()): peer for peer in peers}
    closed: list[Peer] = []
    while len(closed) < count:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        closed += [waiting.pop(task) for task in done]
    for task in waiting:
        task.cancel()
    return closed


async def test_upload_of_three_megabytes_passes(topology: Topology, key: str) -> None:
    """What is larger than nginx's own limit of 1 MB reaches the API, and then a peer."""
    document = create_document(topology, key)
    doc: pycrdt.Doc = pycrdt.Doc()
    doc["text"] = pycrdt.Text("x" * 3_000_000)
    answer = httpx.post(
        f"{topology.nginx.url}/api/documents/{document}/updates",
        content=doc.get_update(),
        headers={**bearer(key), "Content-Type": "application/octet-stream"},
        timeout=60,
    )
    assert answer.status_code == 200
    assert answer.json()["seq"] > 0
    async with AsyncExitStack() as stack:
        peer = await peer_through_nginx(topology, document, key, stack)
        await peer.until(lambda: len(peer.text) == 3_000_000, "the upload")


def test_body_over_the_limit_gets_an_error_in_json(topology: Topology, key: str) -> None:
    """nginx refuses what the API would, in the API's own form."""
    document = create_document(topology, key)
    answer = httpx.post(
        f"{topology.nginx.url}/api/documents/{document}/updates",
        content=bytes(conf.BY_NAME["UPLOAD_BYTES"].default + 1),
        headers={**bearer(key), "Content-Type": "application/octet-stream"},
        timeout=60,
    )
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error"]["code"] == "too_large"
    assert "32 MiB" in answer.json()["error"]["message"]


async def test_login_over_tls_holds_on_both_processes(topology: Topology, key: str) -> None:
    """Where a proxy before nginx ends TLS, cookies are secure, and https is the page's origin."""
    document = create_document(topology, key)
    cookies = log_in(topology)
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    for web in topology.webs.values():
        page = httpx.get(f"{web.url}/", headers={**HTTPS, "Cookie": header})
        assert page.status_code == 200
    url = f"{topology.nginx.ws_url}/ws/documents/{document}"
    host = f"127.0.0.1:{topology.nginx.port}"
    sent = {**HTTPS, "Cookie": header}
    async with websockets.connect(url, additional_headers=sent, origin=f"https://{host}"):
        pass
    for foreign in (f"http://{host}", "https://elsewhere.example"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url, additional_headers=sent, origin=foreign)
        assert refused.value.response.status_code == 403


def log_in(topology: Topology) -> dict[str, str]:
    """Log Ada in through nginx, and check that her cookies are secure. Returns them."""
    topology.webs["web1"].run(
        "shell", "--verbosity", "0", "-c",
        "from django.contrib.auth.models import User\n"
        "ada = User.objects.get(username='ada')\n"
        "ada.set_password('a long password')\n"
        "ada.save()",
    )  # fmt: skip
    login = f"{topology.nginx.url}/login/"
    token = httpx.get(login, headers=HTTPS).cookies["csrftoken"]
    answer = httpx.post(
        login,
        data={"username": "ada", "password": "a long password", "csrfmiddlewaretoken": token},
        headers={
            **HTTPS,
            "Cookie": f"csrftoken={token}",
            "Origin": f"https://127.0.0.1:{topology.nginx.port}",
        },
    )
    assert answer.status_code == 302
    set_cookies = answer.headers.get_list("set-cookie")
    assert {cookie.split("=")[0] for cookie in set_cookies} >= {"sessionid", "csrftoken"}
    assert all("Secure" in cookie for cookie in set_cookies)
    return dict(answer.cookies)


def test_metrics_are_not_to_be_had_from_outside(topology: Topology) -> None:
    """nginx hides what a web process would tell everybody here."""
    assert httpx.get(f"{topology.webs['web1'].url}/metrics").status_code == 200
    for path in ("/metrics", "//metrics", "/x/../metrics", "/%6detrics"):
        assert httpx.get(f"{topology.nginx.url}{path}").status_code == 404, path
