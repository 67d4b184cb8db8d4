"""Takes readings from requests and from Django code, and commits them in batches.

One thread with a database connection of its own writes for the whole process. While it commits,
what comes in waits, and goes into the next commit together.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from threading import Condition, Lock, Thread
from typing import ClassVar

from django.db import DatabaseError, InterfaceError, connections

from collab import conf
from dashboards import store as stores
from dashboards.ingest.batch import checked_labels, checked_name, clean_value
from dashboards.ingest.errors import Unfit
from dashboards.ingest.readings import Labels, Reading
from dashboards.series.ports import StoreAway
from dashboards.store.catalogue import TooManyForKey
from dashboards.store.orm import OrmMetricStore, now_ms
from dashboards.store.writing import Batch, TooOld, Written, append
from dashboards.telling import tell

__all__ = ["QueueFull", "Recorded", "Recorder", "StoreAway", "TooManyForKey", "TooOld", "record"]

logger = logging.getLogger(__name__)

# Samples of one commit at most: some 100 ms of the database's one writer on SQLite.
_COMMIT_SAMPLES = 20_000
# What nobody waits for is committed together with what comes so soon after it.
_GATHER_S = 0.25
# Senders are refused, to send again later, when the database was away for so long.
_AWAY_S = 4.0
_RETRY_MIN_S, _RETRY_MAX_S = 0.1, 1.0
_WARN_EVERY_S = 10.0


class QueueFull(Exception):
    """Too many readings wait for their commit; `retry_after_s` says when to send them again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"Too many readings wait to be stored; try again in {retry_after_s:g} s.")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a commit brought: `late` if some of it is older than what was rolled up already."""

    names: frozenset[str]
    from_ms: int
    to_ms: int
    late: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    batch: Batch
    future: Future[None] | None
    since: float

    def refuse(self, error: Exception) -> None:
        if self.future is not None:
            with contextlib.suppress(InvalidStateError):
                self.future.set_exception(error)

    def accept(self) -> None:
        if self.future is not None:
            with contextlib.suppress(InvalidStateError):
                self.future.set_result(None)


class Recorder:
    """The one writer of a process.

    Args:
        store: What it writes to.
        most: Readings that may wait.
    """

    _current: ClassVar[Recorder | None] = None
    _making: ClassVar[Lock] = Lock()

    def __init__(self, store: OrmMetricStore, most: int) -> None:
        self.store = store
        # Called on the writer's thread after each commit, once the hubs were told.
        self.listeners: set[Callable[[Recorded], None]] = set()
        self.recorded = 0
        self.dropped = 0
        self._most = most
        self._queue: deque[_Waiting] = deque()
        self._size = 0
        self._in_hand = 0
        self._awaited = 0
        self._rate = float(_COMMIT_SAMPLES)
        self._changed = Condition()
        self._stopping = False
        self._flushing = 0
        # Whether somebody waited for a commit in vain, and there was none since.
        self._gave_up = False
        self._warned_at = float("-inf")
        self._thread = Thread(target=self._run, name="collab-recorder", daemon=True)
        self._thread.start()

    @classmethod
    def current(cls) -> Recorder:
        """Return the process's recorder; the first call starts it, and has it stop at exit."""
        with cls._making:
            if cls._current is None:
                cls._current = cls(stores.current(), conf.get("RECORD_QUEUE"))
                atexit.register(cls._current.stop)
            return cls._current

    @classmethod
    def running(cls) -> Recorder | None:
        """Return the process's recorder if there is one, without starting it."""
        return cls._current

    @property
    def waiting(self) -> int:
        """Readings that are not committed yet."""
        return self._size + self._in_hand

    def submit(self, readings: Sequence[Reading], *, key: int | None = None) -> Future[None]:
        """Take readings that came together: all are stored or none.

        Args:
            readings: In the order of recording.
            key: The API key that they came with.

        Returns:
            Done when they are committed; else raises `TooManyForKey`, `TooOld` or `StoreAway`, or
            what the database says of data that it cannot store.

        Raises:
            QueueFull: too many wait already.
        """
        future: Future[None] = Future()
        if not readings:
            future.set_result(None)
            return future
        if not self._put(Batch(readings, key), future):
            raise QueueFull(self._retry_after_s())
        return future

    def offer(self, readings: Sequence[Reading]) -> None:
        """Take readings that nobody waits for; while too many wait already, drop and count them."""
        if readings and not self._put(Batch(readings), None):
            self._drop(len(readings), "the queue is full")

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was taken so far is committed. Returns whether it was in time."""
        end = time.monotonic() + timeout_s
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                done = self._changed.wait_for(
                    lambda: not self.waiting or not self._thread.is_alive(),
                    max(0.0, end - time.monotonic()),
                )
                self._gave_up = not done
                return done
            finally:
                self._flushing -= 1

    def stop(self, timeout_s: float | None = None) -> bool:
        """Commit what waits, and end the thread. Returns whether everything was committed.

        Whoever flushed in vain before has waited long enough.
        """
        wait_s = conf.get("STOP_TIMEOUT_S") if timeout_s is None else timeout_s
        saved = self.flush(0.0 if self._gave_up else wait_s)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(wait_s if saved else 0.1)
        if not saved:
            logger.error("%d readings were not stored: the database is away", self.waiting)
        return saved

    def _put(self, batch: Batch, future: Future[None] | None) -> bool:
        """Queue a batch if it fits, or if nothing else waits: one may be longer than the queue."""
        with self._changed:
            full = self._size and self._size + len(batch.readings) > self._most
            if full or self._stopping:
                return False
            self._queue.append(_Waiting(batch, future, time.monotonic()))
            self._size += len(batch.readings)
            self._awaited += future is not None
            if len(self._queue) == 1 or self._urgent():
                self._changed.notify_all()
            return True

    def _retry_after_s(self) -> float:
        return min(30.0, max(1.0, math.ceil(self._size / self._rate)))

    def _drop(self, count: int, reason: str) -> None:
        self.dropped += count
        now = time.monotonic()
        if now - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = now
            logger.warning("%d readings dropped until now: %s", self.dropped, reason)

    def _run(self) -> None:
        retry_s = 0.0
        try:
            while self._wait(retry_s):
                taken = self._take()
                if not taken or self._commit(taken):
                    retry_s = 0.0
                else:
                    retry_s = min(_RETRY_MAX_S, max(_RETRY_MIN_S, 2 * retry_s))
        finally:
            connections.close_all()

    def _wait(self, retry_s: float) -> bool:
        """Wait for something to commit. Returns False when there is nothing, and it is over."""
        with self._changed:
            if retry_s:
                self._changed.wait_for(lambda: self._stopping, retry_s)
            self._changed.wait_for(lambda: self._queue or self._stopping)
            if not self._stopping:
                self._changed.wait_for(lambda: self._urgent() or self._stopping, _GATHER_S)
            return not self._stopping

    def _urgent(self) -> bool:
        """Tell whether somebody waits, or enough came together."""
        return bool(self._awaited or self._flushing) or self._size >= _COMMIT_SAMPLES

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        with self._changed:
            while self._queue and (
                not taken or self._in_hand + len(self._queue[0].batch.readings) <= _COMMIT_SAMPLES
            ):
                one = self._queue.popleft()
                taken.append(one)
                self._size -= len(one.batch.readings)
                self._awaited -= one.future is not None
                self._in_hand += len(one.batch.readings)
        return taken

    def _commit(self, taken: list[_Waiting]) -> bool:
        """Write batches, and tell whoever waits. Returns False while the database is away."""
        started = time.monotonic()
        count = self._in_hand
        try:
            connections[self.store.using].close_if_unusable_or_obsolete()
            written = append(self.store, [waiting.batch for waiting in taken])
        except (DatabaseError, InterfaceError) as error:
            self._give_back(taken, error)
            return False
        except Exception as error:
            logger.exception("Readings could not be stored")
            written = Written([error] * len(taken))
        self._rate = count / max(time.monotonic() - started, 1e-3)
        self._tell(taken, written)
        with self._changed:
            self._in_hand = 0
            self._gave_up = False
            self._changed.notify_all()
        return True

    def _tell(self, taken: list[_Waiting], written: Written) -> None:
        stored: list[Reading] = []
        for waiting, error in zip(taken, written.errors, strict=True):
            if error is None:
                stored += waiting.batch.readings
                waiting.accept()
            elif waiting.future is None:
                self._drop(len(waiting.batch.readings), str(error))
            else:
                waiting.refuse(error)
        self.recorded += len(stored)
        if stored:
            times = [reading.at_ms for reading in stored]
            names = frozenset(reading.name for reading in stored)
            self._notify(Recorded(names, min(times), max(times), written.late))

    def _notify(self, recorded: Recorded) -> None:
        for listen in (tell, *self.listeners):
            try:
                listen(recorded)
            except Exception:
                logger.exception("A commit of readings could not be told")

    def _give_back(self, taken: list[_Waiting], error: Exception) -> None:
        """Put back what could not be written; refuse whoever waited for too long."""
        logger.warning("Readings wait for the database: %s", error)
        with contextlib.suppress(DatabaseError, InterfaceError):
            connections[self.store.using].close()
        late = time.monotonic() - _AWAY_S
        with self._changed:
            every = [*taken, *self._queue]
            refused = [one for one in every if one.future is not None and one.since < late]
            kept = [one for one in every if one.future is None or one.since >= late]
            self._queue = deque(kept)
            self._size = sum(len(waiting.batch.readings) for waiting in kept)
            self._awaited = sum(waiting.future is not None for waiting in kept)
            self._in_hand = 0
            self._changed.notify_all()
        for waiting in refused:
            waiting.refuse(StoreAway("The database is away; try again in a moment."))


def record(name: str, value: float, /, **labels: object) -> None:
    """Record a number of now, from any Django code.

    It is stored a moment later by a thread of its own: this waits for nothing. What is no number
    (NaN, infinite) is left out.

    Args:
        name: Of the metric.
        value: The number.
        labels: Tell the series of the metric from each other; keep their values few.

    Raises:
        ValueError: the name or a label's cannot be, or there are too many labels.
    """
    number = float(value)
    if math.isfinite(number):
        Recorder.current().offer([Reading(clean_name(name), labels_of(labels), number, now_ms())])


def clean_name(name: str) -> str:
    """Check a metric's name.

    Raises:
        ValueError: senders could not have such a one either.
    """
    try:
        return checked_name(name)
    except Unfit as error:
        raise ValueError(f"{name!r} cannot be a metric's name: {error}.") from error


def labels_of(labels: dict[str, object]) -> Labels:
    """Make labels of keyword arguments; those without a value are left out.

    Values come from anywhere: they are cut off, and have no characters that senders' may not have.

    Raises:
        ValueError: they are too many, or together too long, or one has a name that cannot be.
    """
    try:
        return checked_labels(
            tuple((name, clean_value(value)) for name, value in labels.items() if value is not None)
        )
    except Unfit as error:
        raise ValueError(f"These labels cannot be recorded: {error}.") from error


def _forget() -> None:
    """A forked process has no thread of the recorder's, and must not take its connection."""
    Recorder._current = None
    Recorder._making = Lock()


os.register_at_fork(after_in_child=_forget)
