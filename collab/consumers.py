"""Sockets: a bounded consumer without a thread hop or a task per frame, and rooms on top of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from types import coroutine
from typing import Any, ClassVar
from urllib.parse import parse_qs

from channels.consumer import AsyncConsumer
from django.db import DatabaseError
from django.utils.translation import gettext as _

from collab.engine.errors import CloseCode, CollabError, EpochChanged, Refused
from collab.engine.peer import Peer, Person
from collab.engine.ports import Author
from collab.engine.room import Room, RoomKind
from collab.framing import EXTENSION
from collab.origin import origin_allowed
from collab.process import Process

logger = logging.getLogger(__name__)

# How long a socket may wait for the database before it is sent away to come back.
_ENTER_TIMEOUT_S = 20.0

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class SocketWire:
    """Writes one socket's frames without a task for each.

    ASGI's `send` is run by hand up to its first wait. A server that takes the frame at once never
    waits, so a fan-out to 200 peers wakes no task. One that makes us wait (its buffer is full)
    finishes in a task, and until then `write` has said False.

    Args:
        send: ASGI's send.
        drained: Called when a write that had to wait is through.
        extension: What the server says of `collab.framing`'s extension; None: it has it not.
    """

    __slots__ = ("_closed", "_drained", "_send", "_send_now", "_waiting", "takes_framed")

    def __init__(
        self, send: Send, drained: Callable[[], None], extension: dict[str, Any] | None = None
    ) -> None:
        # Whether the server takes `write_framed`.
        self.takes_framed = extension is not None
        self._send_now: Callable[[bytes], bool] | None = (extension or {}).get("send_now")
        self._send = send
        self._drained = drained
        self._waiting: asyncio.Task[None] | None = None
        self._closed = False

    def write(self, frame: bytes) -> bool:
        if (
            self._send_now is not None
            and self._waiting is None
            and not self._closed
            and self._send_now(frame)
        ):
            return True
        return self._start({"type": "websocket.send", "bytes": frame})

    def write_text(self, text: str) -> bool:
        """Write a text frame; like `write`."""
        return self._start({"type": "websocket.send", "text": text})

    def write_framed(self, data: bytes) -> bool:
        """Write what `collab.framing` encoded; like `write`, where the server takes it."""
        return self._start({"type": EXTENSION, "data": data})

    def close(self, code: int, reason: str) -> None:
        if self._closed:
            return
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        # RFC 6455 5.5: a close frame's reason has 123 bytes at most.
        short = reason.encode()[:123].decode(errors="ignore")
        self._start({"type": "websocket.close", "code": code, "reason": short})
        if self._closed:
            # Plain autobahn sends no code below 3000 but 1000; any will do to end the socket.
            self._closed = False
            self._start({"type": "websocket.close"})
        self._closed = True

    def end(self) -> None:
        """Write nothing more; the socket is gone."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _start(self, event: dict[str, Any]) -> bool:
        if self._closed:
            return True
        steps = self._send(event).__await__()
        try:
            waits_for = next(steps)
        except StopIteration:
            return True
        except Exception as error:
            # The socket is gone before its disconnect event reached us.
            logger.debug("A frame could not be sent: %r", error)
            self._closed = True
            return True
        self._waiting = asyncio.ensure_future(self._finish(steps, waits_for))
        return False

    async def _finish(self, steps: Generator[Any, Any, None], waits_for: Any) -> None:
        try:
            await _continue(steps, waits_for)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            logger.debug("A frame could not be sent: %r", error)
            self._closed = True
        self._waiting = None
        self._drained()


@coroutine
def _continue(steps: Generator[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """Await the rest of an awaitable that was run by hand up to `waits_for`."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:
            try:
                waits_for = steps.throw(error)
            except StopIteration:
                return
        else:
            try:
                waits_for = steps.send(sent)
            except StopIteration:
                return


class LiveConsumer(AsyncConsumer):
    """A WebSocket consumer for a hot path.

    Unlike Channels' own it takes no channel of the layer per socket (the process has one), makes
    no task per frame, and does not look for old database connections before each frame: nothing it
    does per frame touches the database, and what asks the database runs in `Process.pool`, where
    `database_sync_to_async` looks.

    Subclasses implement `enter`, `receive` and `leave`.
    """

    wire: SocketWire
    _asking: asyncio.Task[None] | None = None
    _ask_again = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.wire = SocketWire(send, self.drained, self._extension)
        try:
            await receive()  # websocket.connect, by the ASGI specification
            if not origin_allowed(scope):
                await send({"type": "websocket.close", "code": 4403})  # 403 before the handshake
                return
            await send({"type": "websocket.accept"})
            await self._serve(receive)
        finally:
            Process.current().watch.remove(self)
            if self._asking is not None:
                self._asking.cancel()
            self.wire.end()
            self.leave()

    @property
    def _extension(self) -> dict[str, Any] | None:
        extension: dict[str, Any] | None = self.scope.get("extensions", {}).get(EXTENSION)
        return extension

    def hand_to(self, take: Callable[[bytes], None] | None) -> None:
        """Have binary frames given to `take` as they are read, where the server can do that.

        Frames that came before wait for `receive`, and are taken before any later one.
        """
        hand_to = (self._extension or {}).get("hand_to")
        if hand_to is not None:
            hand_to(take)

    async def _serve(self, receive: Receive) -> None:
        try:
            async with asyncio.timeout(_ENTER_TIMEOUT_S):
                await self.enter()
            self._watch()
        except CollabError as error:
            self.wire.close(error.code, str(error))
        except (DatabaseError, TimeoutError) as error:
            logger.warning("A socket could not enter: %r", error)
            self.wire.close(CloseCode.OVERLOAD, _("The database is away; come back in a moment."))
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            frame = event.get("bytes")
            if frame is not None:
                self.receive(frame)
            else:
                self.receive_text(event.get("text") or "")

    def _watch(self) -> None:
        credential = self.scope.get("collab.credential")
        if credential is not None:
            Process.current().watch.add(self, credential)

    async def enter(self) -> None:
        """Find out who this is, and join. Raises CollabError to close the socket."""
        raise NotImplementedError

    async def ask(self) -> None:
        """Find out again what this socket may do. Raises CollabError to close it."""
        raise NotImplementedError

    def reconsider(self) -> None:
        """Have rights asked for again, soon: they, or the login, may have changed."""
        if self._asking is not None:
            self._ask_again = True
            return
        self._asking = asyncio.create_task(self._ask(), name="ask for rights again")

    def log_out(self) -> None:
        """Close: the session that this socket came with ends."""
        self.close(CloseCode.NO_LOGIN, _("You logged out."))

    def close(self, code: int, reason: str) -> None:
        """Close the socket; nothing that it still sends is taken."""
        self.wire.close(code, reason)

    async def _ask(self) -> None:
        try:
            await self.ask()
            self._watch()
        except CollabError as error:
            # Who had the document open knows that it existed, and may know whether it still does.
            hidden = error.code == CloseCode.NO_SUCH_DOCUMENT and not getattr(error, "gone", False)
            self.close(CloseCode.NO_RIGHT if hidden else error.code, str(error))
        except DatabaseError as error:
            # Asked for again by the watch, or with the next change.
            logger.warning("Rights could not be asked for: %r", error)
        finally:
            self._asking = None
        if self._ask_again:
            self._ask_again = False
            self.reconsider()

    def receive(self, frame: bytes) -> None:
        """Take a binary frame."""
        raise NotImplementedError

    def receive_text(self, text: str) -> None:
        """Take a text frame; the wire has none."""
        self.wire.close(CloseCode.REFUSED, _("This socket takes binary frames only."))

    def drained(self) -> None:
        """Go on sending: a write that had to wait is through."""

    def leave(self) -> None:
        """Give back what `enter` took; also called if it failed."""


class NotAdmitted(CollabError):
    """A socket that may not enter.

    Args:
        code: 4401, 4403 or 4404.
        reason: For the person.
        gone: With 4404: it is not there for anybody. Told only to sockets that were in.
    """

    def __init__(self, code: int, reason: str, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.code = code  # type: ignore[misc]
        self.gone = gone


@dataclass(frozen=True, slots=True)
class Admission:
    """What a socket was let into, and as whom.

    `author` is whom updates are stored under; `person` is shown to others, None for nobody;
    `access` is the room's access version that the rights were read at, 0 if unknown; `role` is what
    they come from, for the page to show.
    """

    key: int
    epoch: int
    author: Author
    person: Person | None
    may_write: bool
    access: int = 0
    role: str = ""


class RoomConsumer(LiveConsumer):
    """A socket of a room. Subclasses say who may enter, in `admit`, and the room's kind."""

    kind: ClassVar[RoomKind] = RoomKind()

    _room: Room | None = None
    _peer: Peer | None = None

    async def admit(self) -> Admission:
        """Find out what this socket may enter.

        Raises:
            NotAdmitted: it may not.
        """
        raise NotImplementedError

    async def enter(self) -> None:
        admission = await self.admit()
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        epoch = query.get("epoch", [str(admission.epoch)])[0]
        if epoch != str(admission.epoch):
            raise EpochChanged(_("This document was reset. Load the page again."))
        self._room = await Process.current().registry.lease(admission.key, self.kind)
        self._peer = self._room.join(
            self.wire,
            author=admission.author,
            person=admission.person,
            may_write=admission.may_write,
            acks=query.get("ack") == ["1"],
        )
        self._room.reconsider.add(self.reconsider)
        # Rights may have changed between asking and joining.
        self._room.check_access(admission.access)
        self.hand_to(self._peer.receive)

    async def ask(self) -> None:
        admission = await self.admit()
        if self._peer is not None:
            self._peer.allow(may_write=admission.may_write)

    def close(self, code: int, reason: str) -> None:
        # A closing handshake takes up to a second, in which frames are read.
        if self._peer is not None:
            self._peer.close(code, reason)
        super().close(code, reason)

    def receive(self, frame: bytes) -> None:
        if self._peer is not None:
            self._peer.receive(frame)

    def receive_text(self, text: str) -> None:
        if self._room is not None and self._peer is not None:
            self._room.refuse(self._peer, Refused(_("This socket takes binary frames only.")))

    def drained(self) -> None:
        if self._peer is not None:
            self._peer.drained()

    def leave(self) -> None:
        self.hand_to(None)
        if self._room is not None:
            self._room.reconsider.discard(self.reconsider)
            if self._peer is not None:
                self._room.leave(self._peer)
            Process.current().registry.release(self._room)
            self._room = self._peer = None
