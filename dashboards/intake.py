"""From a request's body to stored numbers: read, unpacked and parsed beside the event loop.

What is answered after `take` returns is committed. Nothing of a body is stored that raised.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from django.db import close_old_connections
from django.http import HttpRequest
from prometheus_client import Counter

from collab import conf
from collab.metrics import REGISTRY
from dashboards.ingest import bodies
from dashboards.ingest.batch import Batch
from dashboards.recording import QueueFull, Recorder, StoreAway
from dashboards.store.retention import Policy

READINGS = Counter(
    "collab_ingest_readings", "Readings that senders sent.", ["format", "outcome"],
    registry=REGISTRY,
)  # fmt: skip

Undo = Callable[[], None]
Read = Callable[[bytes, Batch], "Undo | None"]
"""Reads a body into a batch. Returns what to do if the batch cannot be stored, or None."""

T = TypeVar("T")

# A database that is away is told after some seconds; one that hangs answers nothing at all. Senders
# come again: a number that has its time with it is stored once.
_ANSWERED_WITHIN_S = 30.0


class Crew:
    """A few threads that parse, with a bound on the bodies that wait for one."""

    def __init__(self, threads: int = 2, most: int = 32) -> None:
        self._threads = threads
        self._most = most
        self._waiting = 0
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def start(self, work: Callable[[], T]) -> Future[T]:
        """Let a thread do it. Raises QueueFull if too many bodies wait already."""
        with self._lock:
            if self._waiting >= self._most:
                raise QueueFull(1.0)
            if self._pool is None:
                # Not before it is needed: a server may fork after it imported this.
                self._pool = ThreadPoolExecutor(self._threads, "ingest")
            self._waiting += 1
            future = self._pool.submit(work)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: Future[T]) -> None:
        with self._lock:
            self._waiting -= 1


crew = Crew()


async def take(request: HttpRequest, key: int, name: str, read: Read) -> Batch:
    """Read a request's body and store what is in it.

    Args:
        request: Its body is not read yet.
        key: The sender's.
        name: Of the format, for counting.
        read: Parses the body.

    Returns:
        The batch, whose readings are committed.

    Raises:
        IngestError: from reading, unpacking or parsing.
        QueueFull, TooManyForKey, TooOld, StoreAway: not stored; the sender may come back.
    """
    # Who hangs up must not cancel the batch that others' samples are committed with.
    work = partial(_submit, request, key, read)
    undo: Undo | None = None
    try:
        async with asyncio.timeout(_ANSWERED_WITHIN_S):
            batch, undo, stored = await asyncio.shield(asyncio.wrap_future(crew.start(work)))
            await asyncio.shield(asyncio.wrap_future(stored))
    except Exception as error:
        if undo is not None:
            undo()
        if isinstance(error, TimeoutError):
            raise StoreAway("The database does not answer; try again in a moment.") from error
        raise
    _count(name, batch)
    return batch


def _submit(request: HttpRequest, key: int, read: Read) -> tuple[Batch, Undo | None, Future[None]]:
    """Read and parse a body, and hand over what is in it; in a thread of the crew."""
    close_old_connections()
    recorder, now_ms = Recorder.current(), time.time_ns() // 1_000_000
    keeping = _Kept(recorder.store.policy(), now_ms)
    batch = Batch(now_ms, most=conf.get("INGEST_READINGS"), keeping=keeping)
    body = bodies.read(request, conf.get("INGEST_BYTES"))
    encoding = request.headers.get("Content-Encoding", "")
    undo = read(bodies.unpack(body, encoding, conf.get("INGEST_UNPACKED_BYTES")), batch)
    try:
        return batch, undo, recorder.submit(batch.readings, key=key)
    except BaseException:
        if undo is not None:
            undo()
        raise


class _Kept:
    """A store's retention, as a batch asks for it."""

    def __init__(self, policy: Policy, now_ms: int) -> None:
        self._policy = policy
        self._now_ms = now_ms
        self.all_since_ms = policy.latest_raw_edge_ms(now_ms)

    def since_ms(self, name: str) -> int:
        return self._policy.of(name).edge_ms(0, self._now_ms)


def _count(name: str, batch: Batch) -> None:
    for outcome, count in (
        ("stored", len(batch.readings)),
        ("refused", batch.refused),
        ("not_a_number", batch.not_numbers),
        ("text", batch.texts),
    ):
        if count:
            READINGS.labels(name, outcome).inc(count)
