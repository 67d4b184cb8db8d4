"""What a running process does for everybody's numbers: rolls up, prunes, watches, measures."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from collab import conf
from collab.process import Process
from dashboards.recording import Recorder
from dashboards.repeating import Repeating
from dashboards.selfcheck import SelfCheck
from dashboards.store import leases
from dashboards.store.orm import OrmMetricStore, away
from dashboards.store.pruning import Pruner
from dashboards.store.rolling import Roller
from dashboards.watching import Watching

logger = logging.getLogger(__name__)

_EVERY_S = 5.0
_PRUNE_EVERY_S = 3600.0
_LEASE = "upkeep"
_LEASE_MS = 60_000
_RENEW_S = 20.0
# Between two steps whoever records gets the database.
_REST_S = 0.01


class Upkeep:
    """Keeps a store, while no other process does.

    Args:
        store: What is kept.
    """

    def __init__(self, store: OrmMetricStore) -> None:
        self._store = store
        self._roller = Roller(store)
        self._pruner = Pruner(store)
        self._renewed_at = self._pruned_at = float("-inf")
        self.thread = Repeating(
            "collab-upkeep", self.keep, first_s=_EVERY_S, at_end=self._give_back
        )

    def keep(self) -> float:
        """Do what there is to do, if it is this process's turn. Returns when to be called next."""
        with away():
            if self._holds():
                whole = self._roller.run(until=self._until)
                if whole and time.monotonic() - self._pruned_at >= _PRUNE_EVERY_S:
                    self._pruned_at = time.monotonic()
                    self._pruner.make_room_ahead()
                    self._pruner.run(until=self._until)
        return _EVERY_S

    def _holds(self) -> bool:
        """Tell whether it is this process's turn. Taken once, it is written again now and then."""
        if time.monotonic() - self._renewed_at < _RENEW_S:
            return True
        taken_at = time.monotonic()
        now, using = self._store.now(), self._store.using
        held = leases.take(_LEASE, now + _LEASE_MS, now, using=using)
        self._renewed_at = taken_at if held else float("-inf")
        return held

    def _give_back(self) -> None:
        leases.give_back(_LEASE, using=self._store.using)

    def _until(self) -> bool:
        """Rest after a step; keep the lease. Returns whether to stop."""
        return self.thread.stopping.wait(_REST_S) or not self._holds()


def start(process: Process) -> None:
    """Start it all beside a process, and end it with it."""
    recorder = Recorder.current()
    threads = [Watching(recorder).thread]
    if conf.get("STORE_UPKEEP"):
        threads.append(Upkeep(recorder.store).thread)
    if conf.get("SELF_MEASURE"):
        threads.append(SelfCheck(recorder).thread)
    for thread in threads:
        thread.start()

    def end() -> None:
        for thread in threads:
            thread.stop()

    async def close() -> None:
        await asyncio.to_thread(_close, threads, recorder)

    process.enders.add(end)
    process.closers.add(close)


def _close(threads: Sequence[Repeating], recorder: Recorder) -> None:
    """Let them finish, and commit what was recorded; the recorder ends with the interpreter."""
    end = time.monotonic() + conf.get("STOP_TIMEOUT_S")
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    recorder.flush(max(0.0, end - time.monotonic()))
