"""Tells hubs what was recorded: those of this process at once, those of others over the relay.

What is told is a hint: it may be lost, and hubs ask again all that they show every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from collab import announce
from collab.engine.ports import EVERYWHERE
from collab.process import Process
from dashboards.news import News

if TYPE_CHECKING:
    from dashboards.recording import Recorded

logger = logging.getLogger(__name__)

RECORDED = "recorded"
_NAMES_AT_MOST = 100
# Commits that follow each other are told of together.
_TOGETHER_S = 0.25

_hubs: dict[Callable[[News], None], asyncio.AbstractEventLoop] = {}


def listen(take: Callable[[News], None]) -> Callable[[], None]:
    """Have what this process records taken on the running loop. Returns what ends that."""
    _hubs[take] = asyncio.get_running_loop()

    def unlisten() -> None:
        _hubs.pop(take, None)

    return unlisten


def tell(recorded: Recorded) -> None:
    """Tell all hubs of a commit, in whatever process. Never waits: it is the recorder's thread."""
    news = News(recorded.names, recorded.from_ms)
    for take, loop in list(_hubs.items()):
        _call(loop, take, news)
    loops = Process.loops()
    if loops:
        _call(loops[0], _publish, news, recorded.to_ms)
    else:
        _apart.add(news, recorded.to_ms)


def news_of(event: dict[str, Any]) -> News:
    """Read an event of another process."""
    names = event["names"]
    return News(None if names is None else frozenset(map(str, names)), int(event["from"]))


def _call(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: Any) -> None:
    # A loop that closes has no use for it any more.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *args)


def _event(news: News, to_ms: int) -> dict[str, Any]:
    names: Iterable[str] | None = news.names
    if news.names is not None and len(news.names) > _NAMES_AT_MOST:
        names = None
    listed = None if names is None else sorted(names)
    return {"event": RECORDED, "names": listed, "from": news.from_ms, "to": to_ms}


class _Outgoing:
    """What one process has to tell the others: at once, and then at most every `_TOGETHER_S`."""

    _by_process: WeakKeyDictionary[Process, _Outgoing] = WeakKeyDictionary()

    def __init__(self, process: Process) -> None:
        self._relay = process.relay
        self._news: News | None = None
        self._to_ms = 0
        self._timer: asyncio.TimerHandle | None = None
        process.enders.add(self._end)

    @classmethod
    def of(cls, process: Process) -> _Outgoing:
        found = cls._by_process.get(process)
        if found is None:
            found = cls._by_process[process] = cls(process)
        return found

    def add(self, news: News, to_ms: int) -> None:
        self._news, self._to_ms = news.and_(self._news), max(self._to_ms, to_ms)
        if self._timer is None:
            self._send()

    def _send(self) -> None:
        self._timer = None
        if self._news is not None:
            self._relay.publish(EVERYWHERE, _event(self._news, self._to_ms))
            self._news = None
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_TOGETHER_S, self._send)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _publish(news: News, to_ms: int) -> None:
    process = Process.running()
    if process is not None:
        _Outgoing.of(process).add(news, to_ms)


class _Apart:
    """Tells from a process without a live engine, such as a command, on a thread of its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._news: News | None = None
        self._to_ms = 0

    def add(self, news: News, to_ms: int) -> None:
        with self._lock:
            is_telling = self._news is not None
            self._news, self._to_ms = news.and_(self._news), max(self._to_ms, to_ms)
        if not is_telling:
            with contextlib.suppress(RuntimeError):  # The interpreter ends.
                _thread().submit(self._send)

    def _send(self) -> None:
        with self._lock:
            news, self._news = self._news, None
        if news is not None:
            announce.to_everyone(_event(news, self._to_ms))


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "collab-telling")


_apart = _Apart()
