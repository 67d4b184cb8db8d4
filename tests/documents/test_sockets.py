"""A document's two sockets on a running site: who gets in, what they may, how they end."""

from __future__ import annotations

import asyncio
import contextlib
import uuid

import pycrdt
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from collab.engine import protocol
from collab.engine.protocol import Kind
from collab.testing.peer import Peer
from tests.documents.cast import BURST_FRAMES, FRAME_BYTES, Stage, end_of, open_socket

SOCKETS = pytest.mark.parametrize("tail", ["", "/people"], ids=["room", "people"])


def edit(text: str = "x") -> bytes:
    """Make an update of a page of its own."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc["text"] = pycrdt.Text(text)
    return doc.get_update()


async def status_of(url: str, headers: dict[str, str]) -> int:
    """Return the HTTP status of a handshake: 101 if the socket opened."""
    try:
        socket = await open_socket(url, headers)
    except InvalidStatus as refused:
        return refused.response.status_code
    await socket.close()
    return 101


async def refusal(stage: Stage, tail: str, headers: dict[str, str]) -> tuple[int, str]:
    """Return how a socket of a new document ends that lets nobody in."""
    return await end_of(await open_socket(stage.url(stage.document(), tail), headers))


# Who gets in


@SOCKETS
async def test_session_with_its_own_origin_gets_in(stage: Stage, tail: str) -> None:
    """A page of the site opens sockets with its visitor's login."""
    socket = await open_socket(stage.url(stage.document(), tail), stage.alice.cookie | stage.origin)
    assert await socket.recv()
    await socket.close()


@SOCKETS
@pytest.mark.parametrize(
    "origin",
    [
        "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1",
        "http://127.0.0.1", "http://localhost:{port}", "http://127.0.0.1:{port}/",
        "http://evil.example:{port}", "http://127.0.0.1.evil.example:{port}",
    ],
)  # fmt: skip
async def test_session_from_another_page_is_refused(
    sqlite_stage: Stage, tail: str, origin: str
) -> None:
    """Scheme, host and port must be the site's: other pages must not use a visitor's login."""
    headers = sqlite_stage.alice.cookie | {"Origin": origin.format(port=sqlite_stage.site.port)}
    url = sqlite_stage.url(sqlite_stage.document(), tail)
    assert await status_of(url, headers) == 403


@pytest.mark.parametrize("origin", ["", "http://[", "http://127.0.0.1:80.evil.example", "x"])
async def test_origin_that_cannot_be_read_is_refused(sqlite_stage: Stage, origin: str) -> None:
    """The server's own check may come first, with 400."""
    headers = sqlite_stage.alice.cookie | {"Origin": origin}
    assert await status_of(sqlite_stage.url(sqlite_stage.document()), headers) in (400, 403)


@SOCKETS
async def test_session_without_an_origin_is_refused(sqlite_stage: Stage, tail: str) -> None:
    """Every browser sends one; cookies without it come from something else."""
    url = sqlite_stage.url(sqlite_stage.document(), tail)
    assert await status_of(url, sqlite_stage.alice.cookie) == 403
    assert await status_of(url, {}) == 403


@SOCKETS
async def test_key_gets_in_without_an_origin(stage: Stage, tail: str) -> None:
    """A program has an API key and no page."""
    socket = await open_socket(stage.url(stage.document(), tail), stage.bob.bearer)
    assert await socket.recv()
    await socket.close()


async def test_key_from_another_page_is_refused(sqlite_stage: Stage) -> None:
    """An Origin that is there must be right, whoever asks."""
    url = sqlite_stage.url(sqlite_stage.document())
    headers = sqlite_stage.bob.bearer | {"Origin": "http://evil.example"}
    assert await status_of(url, headers) == 403


@SOCKETS
async def test_key_in_the_query_string_does_not_count(sqlite_stage: Stage, tail: str) -> None:
    """Addresses are logged and shared; a secret in one is no login."""
    stage, key = sqlite_stage, sqlite_stage.alice.key
    url = stage.url(stage.document(), tail) + f"?ack=1&key={key}&token={key}&authorization={key}"
    assert await status_of(url, {}) == 403
    assert (await end_of(await open_socket(url, stage.origin)))[0] == 4401


@SOCKETS
@pytest.mark.parametrize("name", ["unknown", "revoked", "inactive", "basic", "bad beside session"])
async def test_bad_credentials_are_4401(sqlite_stage: Stage, tail: str, name: str) -> None:
    """A key that is no good is nobody, also beside a good session."""
    stage = sqlite_stage
    headers = {
        "unknown": {"Authorization": "Bearer collab_unknown"},
        "revoked": stage.rex.bearer,
        "inactive": stage.ivy.bearer,
        "basic": {"Authorization": f"Basic {stage.alice.key}"},
        "bad beside session": stage.alice.cookie | stage.origin | {"Authorization": "Bearer x"},
    }[name]
    code, reason = await refusal(stage, tail, headers)
    assert (code, reason) == (4401, "Log in to open this document.")


@SOCKETS
@pytest.mark.parametrize("session", ["", "unknown", "../../etc/passwd", "\xff"])
async def test_session_that_is_none_is_4401(sqlite_stage: Stage, tail: str, session: str) -> None:
    """Logged out, expired or made up."""
    headers = {"Cookie": f"sessionid={session}"} | sqlite_stage.origin
    assert (await refusal(sqlite_stage, tail, headers))[0] == 4401


@SOCKETS
async def test_session_of_an_inactive_user_is_4401(sqlite_stage: Stage, tail: str) -> None:
    """Deactivating an account closes its sessions too."""
    headers = sqlite_stage.ivy.cookie | sqlite_stage.origin
    assert (await refusal(sqlite_stage, tail, headers))[0] == 4401


@SOCKETS
async def test_missing_and_forbidden_documents_look_alike(stage: Stage, tail: str) -> None:
    """Charlie cannot find out which documents there are."""
    ends = [
        await end_of(await open_socket(stage.url(document, tail), stage.charlie.bearer))
        for document in (stage.document(), str(uuid.uuid4()))
    ]
    assert ends == [(4404, "There is no such document.")] * 2


async def test_superuser_may_write_everywhere(stage: Stage) -> None:
    """As everywhere in Django."""
    peer = stage.peer(stage.root, stage.document())
    await peer.connect()
    await peer.write("by root")
    await peer.until_saved()
    await peer.close()


@pytest.mark.parametrize(
    "path", ["/ws/other", "/ws/documents/1", "/ws/documents/{id}/other", "/", "/ws/documents/{id}/"]
)
async def test_unknown_path_is_refused(sqlite_stage: Stage, path: str) -> None:
    """There is no socket, so there is no handshake, and nothing in the server's log."""
    stage = sqlite_stage
    before = len(stage.site.output())
    url = stage.site.ws_url + path.format(id=stage.document())
    assert await status_of(url, stage.alice.bearer) == 403
    assert "Traceback" not in stage.site.output()[before:]


@pytest.mark.parametrize("epoch", ["2", "0", "-1", "x", "1.0", "١"])
async def test_other_epoch_is_4409(sqlite_stage: Stage, epoch: str) -> None:
    """A copy of another life of the document must not be merged into this one."""
    stage = sqlite_stage
    url = stage.url(stage.document()) + f"?epoch={epoch}"
    assert (await end_of(await open_socket(url, stage.alice.bearer)))[0] == 4409


async def test_same_epoch_gets_in(stage: Stage) -> None:
    """The page says which life of the document its copy is of."""
    peer = stage.peer(stage.alice, stage.document())
    await peer.connect("?ack=1&epoch=1")
    await peer.close()


# Old pages


def schema_of(stage: Stage, document: str) -> int:
    """Return the newest editor schema that a document was opened with to be edited."""
    key = document if "DATABASE_URL" in stage.site.environment else document.replace("-", "")
    ((schema,),) = stage.rows("SELECT schema FROM documents_document WHERE id = %s", key)
    return int(schema)


async def test_page_with_a_newer_editor_ends_older_ones(stage: Stage) -> None:
    """An older editor would delete what it does not know: it is closed, and not let in again."""
    document = stage.document()
    assert schema_of(stage, document) == 1
    bob, alice = stage.peer(stage.bob, document), stage.peer(stage.alice, document)
    await bob.connect("?ack=1&schema=1")
    await bob.write("by an old page")
    await bob.until_saved()
    await alice.connect("?ack=1&schema=2")
    assert schema_of(stage, document) == 2
    assert await bob.until_closed() == 4426
    for actor in (stage.bob, stage.rita):
        old = await open_socket(stage.url(document, "?schema=1"), actor.bearer)
        code, reason = await end_of(old)
        assert (code, "Reload the page" in reason) == (4426, True)
    # Who says nothing is no editor of ours; a page newer than the server is as new as it knows.
    for query in ("?ack=1", "?ack=1&schema=2", "?ack=1&schema=9999"):
        await bob.connect(query)
        await bob.write(" and on")
        await bob.until_saved()
        await bob.close()
    await alice.until(lambda: str(alice.text).count("and on") == 3, "what Bob wrote")
    assert schema_of(stage, document) == 2
    await alice.close()


async def test_reader_with_a_newer_editor_ends_nobody(sqlite_stage: Stage) -> None:
    """She writes nothing that an older page could delete."""
    stage, document = sqlite_stage, sqlite_stage.document()
    bob, rita = stage.peer(stage.bob, document), stage.peer(stage.rita, document)
    await bob.connect("?ack=1&schema=1")
    await rita.connect("?schema=2")
    assert schema_of(stage, document) == 1
    await bob.write("still here")
    await bob.until_saved()
    await rita.until(lambda: "still here" in str(rita.text), "what Bob wrote")
    await bob.close()
    await rita.close()


async def test_schema_that_is_none_says_nothing(sqlite_stage: Stage) -> None:
    """It ends nobody and lets in whom it comes with, like an address without one."""
    stage, document = sqlite_stage, sqlite_stage.document()
    bob = stage.peer(stage.bob, document)
    await bob.connect("?ack=1&schema=1")
    nonsense = ("", "x", "-1", "1.5", "2x", "%C2%B2", "%00", "22222", "0x2", "NaN")
    alice = stage.peer(stage.alice, document)
    for schema in nonsense:
        await alice.connect(f"?ack=1&schema={schema}")
        await alice.close()
    assert schema_of(stage, document) == 1
    assert bob.close_code is None
    await alice.connect("?ack=1&schema=2")
    assert await bob.until_closed() == 4426
    for schema in nonsense:
        await bob.connect(f"?ack=1&schema={schema}")
        await bob.close()
    await alice.close()


# Frames


async def neighbour(stage: Stage, document: str) -> Peer:
    """Let Bob in, who must not notice what others do wrong."""
    bob = stage.peer(stage.bob, document)
    await bob.connect()
    return bob


async def is_unharmed(stage: Stage, bob: Peer, document: str) -> bool:
    """Tell whether Bob is on his first connection, and what he writes still arrives."""
    await bob.write("still here")
    await bob.until_saved()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    same = str(alice.text) == str(bob.text) and "still here" in str(alice.text)
    await alice.close()
    await bob.close()
    return same


MALFORMED = {
    "one byte": b"\x00",
    "unknown type": b"\x07\x00",
    "unknown step": b"\x00\x03\x00",
    "length too long": b"\x00\x02\x05ab",
    "length without end": b"\x00\x02" + b"\xff" * 12,
    "bytes after the frame": protocol.encode(Kind.UPDATE, edit()) + b"\x00",
    "bytes after the update": protocol.encode(Kind.UPDATE, edit() + b"\x00"),
    "empty update": protocol.encode(Kind.UPDATE, b""),
    "cut update": protocol.encode(Kind.UPDATE, edit("hello")[:-4]),
    "V2 update": protocol.encode(Kind.UPDATE, bytes.fromhex("000000000000000000000000000000")),
    "empty block list": protocol.encode(Kind.UPDATE, bytes.fromhex("0100010000")),
    "step 2 that is none": protocol.encode(Kind.STEP2, b"\xff\xff"),
    "state vector of 2^26 clients": protocol.encode(Kind.STEP1, b"\x80\x80\x80\x20"),
    "awareness that is cut": b"\x01\x03\x01\x05\x01",
    "awareness that is no JSON": b"\x01\x05\x01\x05\x01\x01{",
    "auth from a peer": b"\x02\x00\x01x",
    "ack from a peer": b"\x08\x01",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_frame_is_4422_and_harms_nobody_else(
    sqlite_stage: Stage, name: str
) -> None:
    """Who sends it is closed for good with a reason; the room goes on and stores none of it."""
    stage, document = sqlite_stage, sqlite_stage.document()
    bob = await neighbour(stage, document)
    socket = await open_socket(stage.url(document), stage.alice.bearer)
    await socket.send(MALFORMED[name])
    code, reason = await end_of(socket)
    assert code == 4422
    assert reason
    assert await is_unharmed(stage, bob, document)
    assert len(stage.log_of(document)) == 1


@SOCKETS
async def test_text_frame_is_4422_and_harms_nobody_else(sqlite_stage: Stage, tail: str) -> None:
    """The wire is binary; nobody says anything on the people's socket."""
    stage, document = sqlite_stage, sqlite_stage.document()
    bob = await neighbour(stage, document)
    socket = await open_socket(stage.url(document, tail), stage.alice.bearer)
    await socket.send('{"type": "hello"}')
    assert await end_of(socket) == (4422, "This socket takes binary frames only.")
    assert await is_unharmed(stage, bob, document)


async def test_too_large_frame_is_4413_and_harms_nobody_else(sqlite_stage: Stage) -> None:
    """Final for y-websocket, which would send it again for ever; the page posts it instead."""
    stage, document = sqlite_stage, sqlite_stage.document()
    bob = await neighbour(stage, document)
    socket = await open_socket(stage.url(document), stage.alice.bearer)
    await socket.send(protocol.encode(Kind.UPDATE, edit("x" * FRAME_BYTES)))
    code, reason = await end_of(socket)
    assert (code, str(FRAME_BYTES) in reason) == (4413, True)
    assert await is_unharmed(stage, bob, document)


async def test_largest_frame_gets_through(stage: Stage) -> None:
    """The bound itself is allowed."""
    document = stage.document()
    peer = stage.peer(stage.alice, document)
    await peer.connect()
    room = FRAME_BYTES - len(protocol.encode(Kind.UPDATE, edit("x" * FRAME_BYTES)))
    await peer.write("x" * (FRAME_BYTES + room - 8))
    await peer.until_saved()
    await peer.close()


async def test_too_many_frames_are_4429_and_harm_nobody_else(sqlite_stage: Stage) -> None:
    """A page that runs wild is stopped before others feel it."""
    stage, document = sqlite_stage, sqlite_stage.document()
    bob = await neighbour(stage, document)
    socket = await open_socket(stage.url(document), stage.alice.bearer)
    closing = asyncio.create_task(end_of(socket))
    frame = protocol.encode(Kind.STEP1, b"\x00")
    for _ in range(2 * BURST_FRAMES):
        if closing.done():
            break
        await _send(socket, frame)
    assert (await closing)[0] == 4429
    assert await is_unharmed(stage, bob, document)


async def _send(socket: ClientConnection, frame: bytes) -> None:
    with contextlib.suppress(ConnectionClosed):
        await socket.send(frame)


# Reading and writing


async def test_editors_see_each_other_and_converge(stage: Stage) -> None:
    """Both type at once; both replicas and the log end equal."""
    document = stage.document()
    alice, bob = stage.peer(stage.alice, document), stage.peer(stage.bob, document)
    await alice.connect()
    await bob.connect()
    for n in range(10):
        await asyncio.gather(alice.write(f"a{n} "), bob.write(f"b{n} "))
    await asyncio.gather(alice.until_saved(), bob.until_saved())
    await alice.until(lambda: len(str(alice.text)) == 60, "all of Bob's")
    await bob.until(lambda: str(bob.text) == str(alice.text), "all of Alice's")
    stored: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    for _, _, update in stage.log_of(document):
        stored.apply_update(update)
    assert str(stored.get("text", type=pycrdt.Text)) == str(alice.text)
    assert {author for _, author, _ in stage.log_of(document)} == {stage.alice.id, stage.bob.id}
    await alice.close()
    await bob.close()


async def test_acknowledged_edit_is_in_the_database(stage: Stage) -> None:
    """Saved means committed: the row is there when the ack is."""
    document = stage.document()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    for n in range(1, 4):
        await alice.write(f"word {n} ")
        await alice.until_saved()
        stored: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
        for _, _, update in stage.log_of(document):
            stored.apply_update(update)
        assert str(stored.get("text", type=pycrdt.Text)).count("word") == n
    await alice.close()


async def test_acks_count_the_content_frames_of_the_connection(sqlite_stage: Stage) -> None:
    """Step 2 and updates count, step 1 and presence do not; a repeated update is durable too."""
    stage, update = sqlite_stage, edit("once")
    socket = await open_socket(stage.url(stage.document()) + "?ack=1", stage.alice.bearer)
    frames = [
        protocol.encode(Kind.STEP1, b"\x00"),
        protocol.encode(Kind.UPDATE, update),
        protocol.encode(Kind.UPDATE, update),
        b"\x03",
        protocol.encode(Kind.STEP2, b"\x00\x00"),
        protocol.encode(Kind.UPDATE, edit("more")),
    ]
    for frame in frames:
        await socket.send(frame)
    acks: list[int] = []
    async with asyncio.timeout(20):
        while not acks or acks[-1] < 4:
            frame = await socket.recv()
            if frame[0] == 8:
                acks.append(frame[1])
    assert acks == sorted(set(acks))
    assert acks[-1] == 4
    await socket.close()


async def test_peer_that_did_not_ask_gets_no_acks(sqlite_stage: Stage) -> None:
    """An unmodified y-websocket provider does not know type 8."""
    stage, document = sqlite_stage, sqlite_stage.document()
    watcher = stage.peer(stage.bob, document)
    await watcher.connect()
    alice = stage.peer(stage.alice, document)
    await alice.connect("")
    await alice.write("plain")
    await watcher.until(lambda: "plain" in str(watcher.text), "the edit")
    await watcher.write(" seen")
    await watcher.until_saved()
    await alice.until(lambda: "seen" in str(alice.text), "the answer")
    assert not [frame for frame in alice.frames if frame[0] == 8]
    await alice.close()
    await watcher.close()


async def test_reader_reads_and_cannot_write(stage: Stage) -> None:
    """Her frames are not applied nor stored; she is told once, and goes on reading."""
    document = stage.document()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    await alice.write("Alice's")
    await alice.until_saved()
    rita = stage.peer(stage.rita, document)
    await rita.connect()
    assert str(rita.text) == "Alice's"
    await rita.write("Rita's")
    await rita.send(protocol.encode(Kind.STEP2, edit("again")))
    await rita.until(lambda: [f for f in rita.frames if f[0] == 2], "the denial")
    await alice.write(" and more")
    await alice.until_saved()
    await rita.until(lambda: "and more" in str(rita.text), "the edit")
    denials = [frame for frame in rita.frames if frame[0] == 2]
    assert len(denials) == 1
    assert denials[0][:2] == b"\x02\x00"
    assert denials[0][3:] == b"You may read this document, not change it."
    assert (str(alice.text), rita.acked_frames) == ("Alice's and more", 0)
    assert {author for _, author, _ in stage.log_of(document)} == {stage.alice.id}
    await alice.close()
    await rita.close()


async def test_document_that_is_deleted_closes_its_sockets(stage: Stage) -> None:
    """Everybody learns it within a comparison of heads; nobody goes on writing into nothing."""
    document = stage.document()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    people = await open_socket(stage.url(document, "/people"), stage.alice.bearer)
    stage.site.run(
        "shell", "-c",
        f"from collab.models import Room; Room.objects.get(document__pk='{document}').delete()",
    )  # fmt: skip
    assert await alice.until_closed() == 4404
    # The people's socket comes back, and is told then.
    assert (await end_of(people))[0] in (1012, 4404)
    assert (await end_of(await open_socket(alice.url, stage.alice.bearer)))[0] == 4404


async def test_document_that_is_reset_closes_its_sockets(sqlite_stage: Stage) -> None:
    """Copies of the old life end with 4409, which makes the page start anew."""
    stage, document = sqlite_stage, sqlite_stage.document()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    stage.site.run(
        "shell", "-c",
        "from collab.models import Room;"
        f"Room.objects.filter(document__pk='{document}').update(epoch=2)",
    )  # fmt: skip
    assert await alice.until_closed() == 4409
    again = stage.peer(stage.alice, document)
    await again.connect("?ack=1&epoch=2")
    await again.write("anew")
    await again.until_saved()
    await again.close()


# Who is here


async def fragments_until(socket: ClientConnection, *words: str, without: str = "\0") -> str:
    """Read fragments until one has all these words. Returns it."""
    async with asyncio.timeout(20):
        while True:
            fragment = await socket.recv()
            if not isinstance(fragment, str) or without in fragment:
                continue
            if all(word in fragment for word in words):
                return fragment


async def test_people_socket_tells_who_comes_and_goes(stage: Stage) -> None:
    """Names are pushed as one partial that replaces the list."""
    document = stage.document()
    people = await open_socket(stage.url(document, "/people"), stage.rita.cookie | stage.origin)
    first = await people.recv()
    assert isinstance(first, str)
    assert first.startswith('<hx-partial hx-target="#people" hx-swap="outerMorph"><ul id="people"')
    assert first.rstrip().endswith("</hx-partial>")
    alice, bob = stage.peer(stage.alice, document), stage.peer(stage.bob, document)
    await alice.connect()
    await fragments_until(people, "Alice Liddell", ">AL<", f'id="person-{stage.alice.id}"')
    await bob.connect()
    await fragments_until(people, "Alice Liddell", "Bob Cratchit")
    await alice.close()
    await fragments_until(people, "Bob Cratchit", without="Alice")
    await bob.close()
    await people.close()


async def test_person_with_two_sockets_is_one_person(sqlite_stage: Stage) -> None:
    """Two tabs are one avatar, which stays until the second is closed."""
    stage, document = sqlite_stage, sqlite_stage.document()
    people = await open_socket(stage.url(document, "/people"), stage.bob.bearer)
    one, two = stage.peer(stage.alice, document), stage.peer(stage.alice, document)
    bob = stage.peer(stage.bob, document)
    await one.connect()
    await two.connect()
    await bob.connect()
    fragment = await fragments_until(people, "Alice Liddell", "Bob Cratchit")
    assert fragment.count(f'id="person-{stage.alice.id}"') == 1
    await one.close()
    await bob.close()
    assert "Alice Liddell" in await fragments_until(people, "Alice", without="Bob")
    await two.close()
    await fragments_until(people, '<ul id="people"', without="Alice")
    await people.close()


async def test_people_socket_escapes_names(sqlite_stage: Stage) -> None:
    """A name is text, whatever somebody called themselves."""
    stage = sqlite_stage
    document = stage.site.create_document(stage.eve.key)
    people = await open_socket(stage.url(document, "/people"), stage.eve.bearer)
    eve = stage.peer(stage.eve, document)
    await eve.connect()
    fragment = await fragments_until(people, "alert(1)")
    assert "<script" not in fragment
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &quot; onload=&#x27;x&#x27;" in fragment
    assert "style=" not in fragment
    await eve.close()
    await people.close()
