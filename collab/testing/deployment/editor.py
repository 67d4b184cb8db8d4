"""One peer of a check: it edits by its script, suffers its mishaps, and remembers what it did."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pycrdt
import websockets

from collab.engine.varint import decode_varuint
from collab.testing.deployment.figures import Figures, Times
from collab.testing.deployment.rooms import ScratchRoom
from collab.testing.deployment.script import Act, Edit, Fault, Mishap, Script
from collab.testing.peer import Peer

TAG = re.compile(rb"<(\d+)\.(\d+)>")
"""What a peer writes: its number, and that of the edit. In an update as it is, since that holds
strings in UTF-8."""

_GONE = (OSError, TimeoutError, websockets.WebSocketException)
# As y-websocket, which waits longer each time.
_COME_BACK_S = (0.1, 2.5)
# y-websocket takes these close codes as final.
_FINAL = range(4400, 4500)
_FORMATS = ("bold", "italic", "strike")


@dataclass
class Ledger:
    """What was acknowledged of one peer's edits: what must be there, and what must not.

    `value` is the last of its own place, None if there is none. `waiting` is how many edits are not
    acknowledged.
    """

    tags: set[str] = field(default_factory=set)
    erased: set[str] = field(default_factory=set)
    value: str | None = None
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Done:
    """An edit that was made: in which frame of this connection it went, and what it wrote."""

    frame: int
    act: Act
    tag: str
    at: float


class Editor(Peer):
    """A peer that lives by a script.

    Args:
        url, key: As of `Peer`.
        number: Which it is; its tags begin with it.
        room: What it edits.
        script: Its life.
        times: When every peer's edits were sent.
        figures: Where it counts.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        number: int,
        room: ScratchRoom,
        script: Script,
        times: Times,
        figures: Figures,
    ) -> None:
        super().__init__(url, key)
        self.number = number
        self.ledger = Ledger()
        self.gone_for_good: str | None = None
        self._room = room
        self._script = script
        self._times = times
        self._figures = figures
        self._undecided: deque[_Done] = deque()
        self._mine: list[str] = []
        self._measured_from = math.inf
        self._may_return = asyncio.Event()
        self._may_return.set()
        self._may_edit = asyncio.Event()
        self._may_edit.set()
        self._staying: asyncio.Task[None] | None = None

    # Its connection

    async def enter(self) -> None:
        """Connect for the first time, and stay until `leave`.

        Raises:
            OSError, TimeoutError, websockets.WebSocketException: there is no way in.
        """
        await self._connect()
        if not self.connected and self.close_code in _FINAL:
            self.gone_for_good = f"closed with {self.close_code}"
        else:
            self._staying = asyncio.create_task(self._stay())

    async def leave(self) -> None:
        """Disconnect for good."""
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.wait([self._staying])
        await self.cut()

    async def _connect(self) -> None:
        # All that is not decided goes with the answer to the room's question, which is frame 1.
        self._undecided = deque(_Done(1, done.act, done.tag, 0.0) for done in self._undecided)
        await self.connect(sync=False)
        self._measured_from = time.monotonic()
        await self.until(lambda: (self.synced and self.answered) or not self.connected, "the room")

    async def _stay(self) -> None:
        """Come back whenever the connection ends, as a browser does."""
        while True:
            await self.until(lambda: not self.connected, "an end", math.inf)
            self._forget_times()
            if self._may_return.is_set() and self.close_code is not None:
                self._figures.closed[self.close_code] += 1
                if self.close_code in _FINAL:
                    self.gone_for_good = f"closed with {self.close_code}"
                    return
            await self._come_back()
            self._figures.reconnects += 1

    async def _come_back(self) -> None:
        wait_s, longest_s = _COME_BACK_S
        while True:
            await self._may_return.wait()
            try:
                await self._connect()
            except _GONE:
                await self.cut()
            if self.connected or self.close_code in _FINAL:
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)

    # Its life

    async def live(self, start: float) -> None:
        """Do what the script says, from this moment of the monotonic clock on."""
        await asyncio.gather(self._edit_all(start), self._suffer_all(start))

    async def until_decided(self, patience_s: float) -> None:
        """Wait until every edit is acknowledged, or it takes too long."""
        with contextlib.suppress(TimeoutError):
            await self.until(self._decided, "saved", patience_s)
        self.ledger.waiting = len(self._undecided)

    def _decided(self) -> bool:
        return self.gone_for_good is not None or (self.saved and not self._undecided)

    async def _edit_all(self, start: float) -> None:
        for number, edit in enumerate(self._script.edits):
            await _reach(start + edit.at_s)
            await self._may_edit.wait()
            if self.gone_for_good is None:
                await self._edit(number, edit)

    async def _suffer_all(self, start: float) -> None:
        for mishap in self._script.mishaps:
            await _reach(start + mishap.at_s)
            if self.connected:
                await self._suffer(mishap)

    async def _suffer(self, mishap: Mishap) -> None:
        try:
            if mishap.fault is Fault.SLOW:
                self.pause()
                self._measured_from = math.inf
            else:
                self._may_return.clear()
                if mishap.fault is Fault.DISCONNECTS:
                    self._may_edit.clear()
                    await self.cut()
                else:
                    await self.disconnect()
            await asyncio.sleep(mishap.for_s)
        finally:
            if mishap.fault is Fault.SLOW:
                self._measured_from = time.monotonic()
            self.resume()
            self._may_return.set()
            self._may_edit.set()

    # Its edits

    async def _edit(self, number: int, edit: Edit) -> None:
        tag = f"<{self.number}.{number}>"
        unsent = self.unsent_frames
        with self.doc.transaction():
            written = self._act(edit, tag)
        if written is None or self.unsent_frames == unsent:
            return
        self._figures.edits += 1
        live = self.connected and self.answered
        at = time.monotonic() if live else 0.0
        self._times.note(self.number, number, at)
        frame = self.sent_frames + self.unsent_frames if live else 1
        self._undecided.append(_Done(frame, edit.act, written, at))
        if live:
            await self.flush()

    def _act(self, edit: Edit, tag: str) -> str | None:
        """Make an edit. Returns the tag it is about; None if there was nothing to do."""
        text = self._room.text(self.doc)
        if edit.act is Act.ERASE:
            return self._erase(text, edit.where)
        if edit.act is Act.FORMAT:
            return tag if self._format(text, edit) else None
        if edit.act is Act.SET:
            place, key = self._room.own(self.doc, self.number)
            place[key] = tag
        elif edit.act is Act.CONTEST:
            keys = self._room.contested
            self._room.shared(self.doc)[keys[int(edit.where * len(keys))]] = tag
        else:
            body = self._room.body(self.doc)
            if edit.act is Act.PARAGRAPH and body is not None:
                paragraph = pycrdt.XmlElement("paragraph", {}, [pycrdt.XmlText(tag)])
                body.children.insert(int(edit.where * (len(body.children) + 1)), paragraph)
            else:
                text.insert(_gap(str(text), edit.where), tag)
                self._mine.append(tag)
        return tag

    def _erase(self, text: pycrdt.Text, where: float) -> str | None:
        if not self._mine:
            return None
        tag = self._mine.pop(int(where * len(self._mine)))
        at = str(text).find(tag)
        if at >= 0:
            del text[at : at + len(tag)]
        return tag

    def _format(self, text: pycrdt.Text, edit: Edit) -> bool:
        letters = str(text)
        start = _gap(letters, edit.where)
        end = _gap(letters, min(1.0, edit.where + edit.length / 4))
        if start < end:
            kind = _FORMATS[int(edit.length * len(_FORMATS))]
            text.format(start, end, {kind: True if edit.length < 0.8 else None})
        return start < end

    # What comes in

    async def send(self, frame: bytes) -> None:
        self._figures.sent_bytes += len(frame)
        await super().send(frame)

    def received(self, frame: bytes) -> None:
        """Measure, and take acknowledgements. Keeps nothing."""
        self._figures.received_bytes += len(frame)
        if frame[0] == 8:
            self._acknowledge(decode_varuint(frame, 1)[0])
        elif frame[:2] == b"\x00\x02":
            now = time.monotonic()
            for peer, number in TAG.findall(frame):
                sent = self._times.of(int(peer), int(number))
                if sent and sent > self._measured_from and int(peer) != self.number:
                    self._figures.to_peers.add(now - sent)

    def _acknowledge(self, frames: int) -> None:
        now = time.monotonic()
        while self._undecided and self._undecided[0].frame <= frames:
            done = self._undecided.popleft()
            self._figures.acknowledged += 1
            if done.at and done.at > self._measured_from:
                self._figures.to_ack.add(now - done.at)
            if done.act in (Act.TYPE, Act.PARAGRAPH):
                self.ledger.tags.add(done.tag)
            elif done.act is Act.ERASE:
                self.ledger.tags.discard(done.tag)
                self.ledger.erased.add(done.tag)
            elif done.act is Act.SET:
                self.ledger.value = done.tag

    def _forget_times(self) -> None:
        """Measure nothing of edits that went down with the connection, as they come again."""
        for done in self._undecided:
            self._times.note(self.number, int(done.tag[1:-1].split(".")[1]), 0.0)


def _gap(text: str, where: float) -> int:
    """Choose a place between two tags; the text is ASCII, so that characters are bytes."""
    at = text.find("<", int(where * (len(text) + 1)))
    return len(text) if at < 0 else at


async def _reach(moment: float) -> None:
    """Wait for a moment of the monotonic clock."""
    await asyncio.sleep(max(0.0, moment - time.monotonic()))


def told(ledger: Ledger) -> dict[str, Any]:
    """Make JSON of a ledger."""
    return vars(ledger) | {"tags": sorted(ledger.tags), "erased": sorted(ledger.erased)}
