"""A worker process of a check: its share of the peers, told over stdin what to do, in JSON lines.

    {..., "peers": [...]}  ->  {"ready": true}, or {"failed": "why"}
    {"start": 123.4}       ->  {"progress": {...}} now and then, then {"settled": [...], ...}
    {"compare": PATH}      ->  {"compared": {"7": ["text[3]: …"]}}

The monotonic clock is that of the machine. When stdin ends, so does the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pycrdt
import websockets

from collab.testing.content import clocks_of, differences
from collab.testing.convergence import union
from collab.testing.deployment.editor import Editor, told
from collab.testing.deployment.figures import Figures, Times
from collab.testing.deployment.rooms import ROOMS
from collab.testing.deployment.script import Fault, script
from collab.testing.deployment.target import reason_of

LINE_BYTES = 2**28
"""Longest line between a check and its workers."""

_PROGRESS_S = 0.5
_TICK_S = 0.02
_MOST_TOLD = 3
# Each handshake costs the site a thread's turn; a crowd at the door is not what is checked.
_ENTER_AT_ONCE = 10


class Worker:
    """Its peers.

    Args:
        task: What the check tells it first.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        self._patience_s = float(task["patience_s"])
        self._seconds = float(task["seconds"])
        self._room = ROOMS[task["room"]]
        self._folder = Path(task["folder"])
        self._name = str(task["name"])
        self.figures = Figures()
        times = Times(self._folder / "times", int(task["most_edits"]))
        faults = [Fault(fault) for fault in task["faults"]]
        self.editors = [
            Editor(
                task["socket"], task["key"], number=number, room=self._room, times=times,
                figures=self.figures,
                script=script(
                    task["seed"], number, seconds=self._seconds, rate=task["rate"], faults=faults
                ),
            )
            for number in task["peers"]
        ]  # fmt: skip

    async def enter(self) -> dict[str, Any]:
        """Connect all peers."""
        turns = asyncio.Semaphore(_ENTER_AT_ONCE)

        async def one(editor: Editor) -> str | None:
            async with turns:
                try:
                    await editor.enter()
                except (OSError, TimeoutError, websockets.WebSocketException) as error:
                    return f"{editor.url} cannot be opened: {reason_of(error)}"
                return editor.gone_for_good and f"{editor.url} was {editor.gone_for_good}"

        for failed in await asyncio.gather(*map(one, self.editors)):
            if failed:
                return {"failed": failed}
        return {"ready": True}

    async def live(self, start: float) -> dict[str, Any]:
        """Live through all scripts, and wait for what is to be acknowledged."""
        telling = asyncio.create_task(self._tell())
        timing = asyncio.create_task(self._time_itself())
        await asyncio.gather(*(editor.live(start) for editor in self.editors))
        timing.cancel()
        await asyncio.gather(*(one.until_decided(self._patience_s) for one in self.editors))
        telling.cancel()
        path = self._folder / f"union-{self._name}"
        path.write_bytes(union(editor.doc.get_update() for editor in self.editors))
        return {
            "settled": {str(one.number): told(one.ledger) for one in self.editors},
            "gone": {str(one.number): one.gone_for_good for one in self.editors
                     if one.gone_for_good},
            "figures": self.figures.as_json(),
            "union": str(path),
        }  # fmt: skip

    async def compare(self, path: Path) -> dict[str, Any]:
        """Wait until all peers hold what the file does. Tells how they differ if they do not."""
        doc = _read(path)
        clocks, content = clocks_of(doc.get_state()), self._room.content(doc)

        async def one(editor: Editor) -> list[str]:
            def equal() -> bool:
                mine = clocks_of(editor.doc.get_state())
                return mine == clocks and self._room.content(editor.doc) == content

            with contextlib.suppress(TimeoutError):
                await editor.until(lambda: equal() or editor.gone_for_good, "it", self._patience_s)
            if equal():
                return []
            mine = clocks_of(editor.doc.get_state())
            lacks = sum(clock - mine.get(author, 0) for author, clock in clocks.items())
            found = list(differences(self._room.content(editor.doc), content))
            return [f"lacks {lacks} of the others' edits", *found[:_MOST_TOLD]]

        found = await asyncio.gather(*map(one, self.editors))
        numbers = (str(editor.number) for editor in self.editors)
        return {"compared": {n: told for n, told in zip(numbers, found, strict=True) if told}}

    async def leave(self) -> None:
        await asyncio.gather(*(editor.leave() for editor in self.editors))

    async def _time_itself(self) -> None:
        """Note how late this loop is: by the worker's own work, or another program's."""
        while True:
            due = time.monotonic() + _TICK_S
            await asyncio.sleep(_TICK_S)
            self.figures.late.add(max(0.0, time.monotonic() - due))

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_S)
            connected = sum(editor.connected for editor in self.editors)
            _say({"progress": {"edits": self.figures.edits, "connected": connected,
                               "acknowledged": self.figures.acknowledged}})  # fmt: skip


def _read(path: Path) -> pycrdt.Doc[Any]:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(path.read_bytes())
    return doc


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def work() -> None:
    """Do what stdin says, line by line."""
    lines = asyncio.StreamReader(limit=LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    worker = Worker(json.loads(await lines.readline()))
    doing = asyncio.create_task(worker.enter())
    while True:
        # The next line is asked for at once: that there is none any more means that the check died.
        line = asyncio.create_task(lines.readline())
        await asyncio.wait({doing, line}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            return
        _say(doing.result())
        told: dict[str, Any] = json.loads(await line or b"{}")
        if "start" in told:
            doing = asyncio.create_task(worker.live(float(told["start"])))
        elif "compare" in told:
            doing = asyncio.create_task(worker.compare(Path(told["compare"])))
        else:
            await worker.leave()
            return


def main() -> None:
    # Ctrl-C reaches all processes of a terminal; the check ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(work())


if __name__ == "__main__":
    main()
