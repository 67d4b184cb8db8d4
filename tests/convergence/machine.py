"""The steps that Hypothesis puts together: edits, comings and goings, and everything that fails."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.convergence.checks import Log
from tests.convergence.cluster import DOCUMENT, LAYOUT, ROOMS, SPARE, Cluster
from tests.convergence.content import DOCUMENT_EDITS, LAYOUT_EDITS
from tests.convergence.page import Page
from tests.convergence.points import await_points
from tests.convergence.ports import LOG_FATES, RELAY_FATES
from tests.convergence.process import Process

NOW = "now"
ENGINE = logging.getLogger("collab.engine")
_DOCUMENT_PAGES, _LAYOUT_PAGES = 3, 2
_AT = st.integers(0, 999)
_PAGE = st.integers(0, _DOCUMENT_PAGES + _LAYOUT_PAGES - 1)
_PROCESS = st.integers(0, 2)
_ROOM = st.sampled_from(ROOMS)
_LOG = st.lists(st.sampled_from(LOG_FATES), min_size=1, max_size=6)
_RELAY = st.lists(st.sampled_from(RELAY_FATES), min_size=1, max_size=6)
_WAIT = st.sampled_from([0, 0.004, 0.02, 0.3])


class Convergence(RuleBasedStateMachine):
    """A cluster in changing weather. Pages 0 to 2 edit a document, 3 and 4 a layout.

    A page or process that a step names may be another's successor by then.
    """

    cluster: Cluster

    @initialize(processes=st.sampled_from([1, 2, 3, 2]), relay=_RELAY, log=_LOG)
    def start(self, processes: int, relay: list[str], log: list[str]) -> None:
        self.cluster = Cluster(processes)
        self.cluster.weather.relay, self.cluster.weather.log = relay, log
        self._log = Log(self.cluster)
        ENGINE.addHandler(self._log)
        for number in range(_DOCUMENT_PAGES + _LAYOUT_PAGES):
            page = self.cluster.open(DOCUMENT if number < _DOCUMENT_PAGES else LAYOUT)
            self._do(page.move, number)
        self.cluster.wait(0.02)

    def _do(self, call: Callable[..., object], *args: Any, wait_s: float = 0) -> None:
        self.cluster.do(call, *args, wait_s=wait_s)

    def _page(self, number: int) -> Page:
        return self.cluster.pages[number]

    def _process(self, number: int) -> Process:
        return self.cluster.process(number)

    # Edits

    @rule(page=_PAGE, change=st.integers(0, 13), at=_AT, wait_s=_WAIT)
    def edit(self, page: int, change: int, at: int, wait_s: float) -> None:
        """Make an edit; `change` counts the kinds of edits that the page's room has."""
        self._edit(page, change, at)
        self.cluster.wait(wait_s)

    @rule(page=_PAGE, at=_AT, pieces=st.integers(1, 12), wait_s=_WAIT)
    def type(self, page: int, at: int, pieces: int, wait_s: float) -> None:
        """Write in one place, piece by piece, each an edit."""
        for _ in range(pieces):
            self._edit(page, 0, at)
            self.cluster.wait(wait_s / 4)

    @rule(change=st.integers(0, 13), at=_AT, times=st.integers(1, 3), wait_s=_WAIT)
    def edit_together(self, change: int, at: int, times: int, wait_s: float) -> None:
        """Have every page make an edit at once, some times."""
        for time in range(times):
            for page in range(len(self.cluster.pages)):
                self._edit(page, change + page + time, at)
            self.cluster.wait(wait_s)

    def _edit(self, page: int, change: int, at: int) -> None:
        writer = self._page(page)
        edits = DOCUMENT_EDITS if writer.key == DOCUMENT else LAYOUT_EDITS
        self._do(writer.edit, list(edits.values())[change % len(edits)], at)

    @rule(page=_PAGE, redo=st.booleans(), wait_s=_WAIT)
    def undo(self, page: int, redo: bool, wait_s: float) -> None:
        writer = self._page(page)
        self._do(writer.redo if redo else writer.undo, wait_s=wait_s)

    @rule(process=_PROCESS, room=_ROOM)
    def submit(self, process: int, room: int) -> None:
        """Have a process take an edit that no socket brought."""
        self._do(self.cluster.submit, self._process(process), room)

    @rule(room=_ROOM, seq=st.integers(1, 40))
    def restore(self, room: int, seq: int) -> None:
        """Make a room what it was, as an edit."""
        self._do(self.cluster.restore, room, seq)

    # Coming and going

    @rule(page=_PAGE, process=_PROCESS)
    def join(self, page: int, process: int) -> None:
        """Connect to a process, also from another one."""
        self._do(self._page(page).move, process, wait_s=0.01)

    @rule(page=_PAGE, notice_s=st.sampled_from([0, 0.5, 5]))
    def go_offline(self, page: int, notice_s: float) -> None:
        """Lose the connection; the process notices after some time. Edits go on."""
        self._do(self._page(page).leave, notice_s)

    @rule(page=_PAGE)
    def replace(self, page: int) -> None:
        """Close a tab for good, and open another.

        Not one whose frames came out of order: what it loses, the rest would wait for for ever.
        """
        if not self._page(page).scattered:
            self._do(self.cluster.replace, self._page(page), wait_s=0.01)

    @rule(page=_PAGE)
    def ask_again(self, page: int) -> None:
        """Send step 1 on an open connection, as a provider with a resync interval does."""
        self._do(self._page(page).ask)

    @rule(page=_PAGE)
    def scatter(self, page: int) -> None:
        """From a new connection on, have a page's frames come out of order."""
        self._page(page).scattered = True
        self._do(self._page(page).move, self._page(page).home, wait_s=0.01)

    @rule(page=_PAGE, pieces=st.integers(0, 30))
    def stall(self, page: int, pieces: int) -> None:
        """Have a page stop reading, while another one writes."""
        if (socket := self._page(page).socket) is not None:
            self._do(socket.block)
            other = 0 if socket.page.key == DOCUMENT else _DOCUMENT_PAGES
            for _ in range(pieces):
                self._edit(other, 0, 500)
                self.cluster.wait(0.03)

    @rule(page=_PAGE)
    def drain(self, page: int) -> None:
        """Have a page read again."""
        if (socket := self._page(page).socket) is not None:
            self._do(socket.drain)

    @rule()
    def wave(self) -> None:
        """Move everybody's cursor for three seconds."""
        for _ in range(30):
            self._do(self.cluster.point, wait_s=0.1)

    # The log's life

    @rule(process=_PROCESS, room=_ROOM)
    def compact(self, process: int, room: int) -> None:
        owner = self._process(process)
        self._do(owner.run, owner.registry.compact, room)

    @rule(room=_ROOM, seq=st.integers(1, 40))
    def fold(self, room: int, seq: int) -> None:
        """Fold the oldest rows into one."""
        stored = self.cluster.store.rooms[room]
        if stored.floor < seq <= stored.head:
            self.cluster.store.fold(room, seq)

    @rule(process=_PROCESS)
    def visit(self, process: int) -> None:
        """Open one room more, for which another may have to go."""
        self._do(self.cluster.visit, self._process(process), SPARE)

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.5, 4, 12]))
    def wait(self, seconds: float) -> None:
        """Let time pass; past a second, rooms that nobody is in are evicted."""
        self.cluster.wait(seconds)

    # Faults

    @rule(log=_LOG, relay=_RELAY)
    def change_weather(self, log: list[str], relay: list[str]) -> None:
        """Have calls of the log and events of the relay meet these fates, in turn."""
        self.cluster.weather.log, self.cluster.weather.relay = log, relay

    @rule(process=_PROCESS, other=_PROCESS, joined=st.booleans())
    def part(self, process: int, other: int, joined: bool) -> None:
        """Have two processes not hear each other, or again; one and itself: not reach the log."""
        one, two = self._process(process), self._process(other)
        if one is two:
            one.log.cut_off = not joined
        elif joined:
            self.cluster.bus.parted.discard(frozenset([one.name, two.name]))
        else:
            self.cluster.bus.parted.add(frozenset([one.name, two.name]))

    @rule(process=_PROCESS, point=st.sampled_from([NOW, *sorted(await_points().values())]))
    def crash(self, process: int, point: str) -> None:
        """Have a process die, now or the next time that it waits at some point."""
        if point is NOW:
            self._do(self._process(process).die, wait_s=0.01)
        else:
            self._process(process).doom = point

    @rule(process=_PROCESS, timeout_s=st.sampled_from([0, 0.3, 10]))
    def redeploy(self, process: int, timeout_s: float) -> None:
        self.cluster.run(self.cluster.redeploy(self._process(process), timeout_s))

    @rule(process=_PROCESS, seconds=st.sampled_from([-3, -0.1, 0.1, 2, 40]))
    def jump(self, process: int, seconds: float) -> None:
        """Have a process's clock jump."""
        self._do(self._process(process).jump, seconds)

    # What must hold

    @rule()
    def calm_down(self) -> None:
        """End all trouble for a while: who is connected agrees, without anybody coming back."""
        self.cluster.calm_down()

    @invariant()
    def holds(self) -> None:
        self.cluster.watch.check()

    def teardown(self) -> None:
        """Come to rest, look at everything, and end, unless a step failed."""
        if not hasattr(self, "cluster"):
            return
        try:
            if sys.exc_info()[0] is None:
                self.cluster.settle()
                self.cluster.end()
        finally:
            ENGINE.removeHandler(self._log)
            self.cluster.close_loop()
