"""The check itself: a scratch room, edited through faults, and everybody compared in the end."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pycrdt
import websockets

from collab.testing.content import clocks_of, differences
from collab.testing.convergence import union
from collab.testing.deployment.crew import Crew, Told
from collab.testing.deployment.figures import Figures, Times
from collab.testing.deployment.rooms import ROOMS, ScratchRoom
from collab.testing.deployment.script import Fault, script
from collab.testing.deployment.target import CannotCheck, Target, reason_of
from collab.testing.peer import Peer

T = TypeVar("T")

_DELETE_S = 15.0
_START_IN_S = 0.3
_MOST_TOLD = 3
_TAG = re.compile(r"<\d+\.\d+>")


@dataclass(frozen=True)
class Plan:
    """What to do: who edits how much, for how long, through what.

    `patience_s` is how long to wait for the last acknowledgements, and for everybody to be equal.
    """

    url: str
    key: str
    room: str
    peers: int
    seconds: float
    rate: float
    processes: int
    faults: tuple[Fault, ...]
    seed: int
    patience_s: float


@dataclass
class Outcome:
    """What came out. No problems: everybody ended equal, and nothing acknowledged is missing.

    `lost` are tags that were acknowledged and are not there, or there twice. `left` says what could
    not be deleted.
    """

    figures: Figures = field(default_factory=Figures)
    problems: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    left: str | None = None


async def check(
    plan: Plan, progress: Callable[[dict[str, int]], None], notice: Callable[[str], None]
) -> Outcome:
    """Make the check. The scratch object is deleted also if it fails or is cancelled.

    Args:
        plan: What to do.
        progress: Called now and then with `edits`, `acknowledged` and `connected`.
        notice: Called with what must be said even if there is no outcome.

    Raises:
        CannotCheck: it could not be made.
    """
    room = ROOMS[plan.room]
    async with Target(plan.url, plan.key) as target:
        title = f"Convergence check of {datetime.now(UTC):%Y-%m-%d %H:%M} (may be deleted)"
        # Goes on if this is cancelled: what it makes must be known to be deleted.
        creating = asyncio.ensure_future(room.create(target, title))
        try:
            key, socket = await asyncio.shield(creating)
            await room.prepare(target, key, plan.peers)
            outcome = await _Check(plan, room, target, key, socket).run(progress)
        finally:
            left = await _delete(room, target, creating)
            if left:
                notice(left)
        outcome.left = left
        return outcome


async def _delete(
    room: ScratchRoom, target: Target, creating: asyncio.Future[tuple[str, str]]
) -> str | None:
    """Delete the scratch object, within a time. Returns what to say if that failed."""
    key, reason = "", f"no answer within {_DELETE_S:g} s"
    with suppress(TimeoutError):
        async with asyncio.timeout(_DELETE_S):
            try:
                key, _ = await creating
            except CannotCheck:
                return None
            # A site that restarts comes back in a moment.
            for _ in range(3):
                try:
                    await room.delete(target, key)
                    return None
                except CannotCheck as error:
                    reason = str(error)
                await asyncio.sleep(1)
    return f"The scratch {room.name} {key} could not be deleted: {reason}"


class _Check:
    """One run, in a room that is there."""

    def __init__(
        self, plan: Plan, room: ScratchRoom, target: Target, key: str, socket: str
    ) -> None:
        self._plan = plan
        self._room = room
        self._target = target
        self._key = key
        self._socket = socket
        self._outcome = Outcome()

    async def run(self, progress: Callable[[dict[str, int]], None]) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="collab-convergence-") as folder:
            async with Crew(self._tasks(Path(folder)), progress) as crew:
                await crew.enter()
                start = time.monotonic() + _START_IN_S
                settled = await crew.ask_all({"start": start})
                ledgers = self._take(settled)
                await self._compare(crew, Path(folder), settled, ledgers)
        return self._outcome

    def _tasks(self, folder: Path) -> list[Told]:
        """Share the peers out; also makes the file of times."""
        plan = self._plan
        most_edits = max(len(script(plan.seed, 0, seconds=plan.seconds, rate=plan.rate,
                                    faults=()).edits), 1)  # fmt: skip
        (folder / "times").write_bytes(bytes(Times.size_of(plan.peers, most_edits)))
        processes = min(plan.processes, plan.peers)
        return [
            {
                "name": number, "peers": list(range(number, plan.peers, processes)),
                "folder": str(folder), "most_edits": most_edits, "socket": self._socket,
                "key": plan.key, "room": plan.room, "seconds": plan.seconds, "rate": plan.rate,
                "faults": list(plan.faults), "seed": plan.seed, "patience_s": plan.patience_s,
            }
            for number in range(processes)
        ]  # fmt: skip

    def _take(self, settled: list[Told]) -> dict[int, Told]:
        """Add up what workers tell. Returns the peers' ledgers."""
        outcome = self._outcome
        ledgers: dict[int, Told] = {}
        for told in settled:
            outcome.figures.merge(Figures.of_json(told["figures"]))
            ledgers |= {int(number): ledger for number, ledger in told["settled"].items()}
            outcome.problems += [f"peer {n}: {why}" for n, why in told["gone"].items()]
        for number, ledger in sorted(ledgers.items()):
            if ledger["waiting"]:
                outcome.problems.append(
                    f"peer {number}: {ledger['waiting']} edits not acknowledged within"
                    f" {self._plan.patience_s:g} s"
                )
        return ledgers

    async def _compare(
        self, crew: Crew, folder: Path, settled: list[Told], ledgers: dict[int, Told]
    ) -> None:
        """Compare everybody, somebody new and what is stored with all that anybody has."""
        outcome, room = self._outcome, self._room
        fresh = await self._patiently(self._enter)
        try:
            whole = _merged(settled, fresh)
            path = folder / "whole"
            path.write_bytes(whole.get_update())
            with suppress(TimeoutError):
                await fresh.until(
                    lambda: self._equal(fresh.doc, whole), "equal", self._plan.patience_s
                )
            self._judge("a fresh peer", room.content(fresh.doc), room.content(whole))
            stored = await self._patiently(lambda: room.stored(self._target, self._key))
            self._judge("what is stored", stored, room.as_stored(whole))
            for told in await crew.ask_all({"compare": str(path)}):
                for number, lines in told["compared"].items():
                    outcome.problems.append(f"peer {number} {'; '.join(lines)}")
            self._audit(ledgers, room.content(fresh.doc))
        finally:
            await fresh.disconnect()

    async def _enter(self) -> Peer:
        """Connect a peer that has nothing."""
        fresh = Peer(self._socket, self._plan.key)
        try:
            await fresh.connect()
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            await fresh.cut()
            raise CannotCheck(f"A fresh peer cannot enter: {reason_of(error)}.") from error
        return fresh

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again and again, since the site may be restarting just now."""
        end = time.monotonic() + self._plan.patience_s
        while True:
            try:
                return await ask()
            except CannotCheck:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(0.5)

    def _equal(self, doc: pycrdt.Doc[Any], whole: pycrdt.Doc[Any]) -> bool:
        clocks, all_clocks = clocks_of(doc.get_state()), clocks_of(whole.get_state())
        return clocks == all_clocks and self._room.content(doc) == self._room.content(whole)

    def _judge(self, name: str, content: Any, whole: Any) -> None:
        """Note how somebody's content differs from what it should be."""
        found = list(differences(content, whole))
        if found:
            more = f"; and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
            told = "; ".join(found[:_MOST_TOLD])
            self._outcome.problems.append(f"{name} (“here”) is not what all have: {told}{more}")

    def _audit(self, ledgers: dict[int, Told], content: dict[str, Any]) -> None:
        """Look for every acknowledged edit, in what a fresh peer was given."""
        outcome = self._outcome
        there = Counter(_TAG.findall(json.dumps(content)))
        for number, ledger in sorted(ledgers.items()):
            lost = [tag for tag in ledger["tags"] if there[tag] != 1]
            if ledger["waiting"]:
                # What was erased and not acknowledged may be gone, too.
                lost = [tag for tag in lost if there[tag] > 1]
            back = [tag for tag in ledger["erased"] if there[tag]]
            outcome.lost += lost
            for what, tags in (("not there once", lost), ("erased and there again", back)):
                if tags:
                    shown = " ".join(tags[:10]) + (" …" if len(tags) > 10 else "")
                    outcome.problems.append(
                        f"peer {number}: of what was acknowledged, {len(tags)} {what}: {shown}"
                    )
            value = self._room.value_in(content, number)
            if ledger["value"] not in (None, value) and not ledger["waiting"]:
                outcome.problems.append(
                    f"peer {number}: its last value was acknowledged as {ledger['value']} and is"
                    f" {value}"
                )


def _merged(settled: list[Told], fresh: Peer) -> pycrdt.Doc[Any]:
    """Merge all that anybody has."""
    states = [Path(told["union"]).read_bytes() for told in settled]
    whole: pycrdt.Doc[Any] = pycrdt.Doc()
    whole.apply_update(union([*states, fresh.doc.get_update()]))
    return whole
