"""Who looks at a dashboard in tests: what they were sent, put together as a page does it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dashboards import frames
from dashboards.viewers import ViewerConsumer

_PARTIAL = re.compile(r'<hx-partial hx-target="#([\w-]+)"[^>]*>(.*?)</hx-partial>', re.DOTALL)
_VALUES = re.compile(r'<div id="(values-\w+)"(?:.(?!<div id="values-))*', re.DOTALL)


class Chart:
    """One chart, as a page holds it."""

    def __init__(self, entry: frames.Entry) -> None:
        self.base = entry.base
        self.meta: dict[str, Any] = entry.meta or {}
        self.points: dict[float, tuple[float, ...]] = {}
        self._add(entry)

    def take(self, entry: frames.Entry) -> None:
        """Apply a delta: what it leaves out of its span is gone."""
        assert entry.base == self.base, "a delta for another base"
        for at in list(self.points):
            if at < entry.drop_before_ms or at >= entry.from_ms:
                del self.points[at]
        self._add(entry)

    def _add(self, entry: frames.Entry) -> None:
        rows = zip(*(column.tolist() for column in entry.columns), strict=True)
        added = dict(zip(entry.at_ms, rows, strict=False))
        assert not self.points.keys() & added.keys(), "a point came twice"
        self.points |= added
        assert list(self.points) == sorted(self.points)

    @property
    def last_ms(self) -> float:
        return max(self.points, default=0.0)

    def known(self) -> list[tuple[float, float]]:
        """Return the points of the first line that have a value."""
        return [(at, row[0]) for at, row in self.points.items() if not math.isnan(row[0])]

    def values(self) -> list[float]:
        return [value for _at, value in self.known()]


class Page:
    """What a page has, from the frames that it was sent."""

    def __init__(self) -> None:
        self.charts: dict[str, Chart] = {}
        self.fragments: dict[str, str] = {}
        self.sent: list[str | bytes] = []
        self.code: int | None = None
        self.reason = ""
        self._news = asyncio.Condition()

    async def until(self, holds: Callable[[], object], timeout_s: float = 15) -> None:
        """Wait until something holds of what came."""
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(holds)

    def texts(self) -> list[str]:
        return [frame for frame in self.sent if isinstance(frame, str)]

    def held(self) -> dict[str, list[float]]:
        """Return what a page says that it has."""
        return {panel: [chart.base, chart.last_ms] for panel, chart in self.charts.items()}

    def shows(self, panel: str, text: str) -> bool:
        return text in self.fragments.get(f"values-{panel}", "")

    async def take(self, frame: str | bytes) -> None:
        self.sent.append(frame)
        if isinstance(frame, str):
            for target, html in _PARTIAL.findall(frame):
                self.fragments[target] = html
                if target == "grid":
                    self.fragments |= {f[1]: f[0] for f in _VALUES.finditer(html)}
        else:
            for entry in frames.decode(frame).entries:
                if entry.meta is None:
                    self.charts[entry.panel].take(entry)
                else:
                    self.charts[entry.panel] = Chart(entry)
        await self.notify()

    async def notify(self) -> None:
        async with self._news:
            self._news.notify_all()


def show(page: Page | None = None, **other: Any) -> str:
    """Write a `show`, of a page that has something already."""
    words = {"type": "show", "from": "now-5m", "to": "now", "tz": "UTC", **other}
    return json.dumps(words | ({"held": page.held()} if page is not None else {}))


class Looker(Page):
    """A page's socket at a running site.

    Args:
        url: ws://host:port/ws/dashboards/<id>/live
        key: An API key, or None.
        headers: More headers of the handshake.
    """

    def __init__(self, url: str, key: str | None, **headers: str) -> None:
        super().__init__()
        self._url = url
        self._headers = headers | ({"Authorization": f"Bearer {key}"} if key else {})
        self.socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self, first: str | None = None) -> Looker:
        """Connect, and say what is shown; what the page had from before it says it has."""
        self.code = None
        self.socket = await connect(self._url, additional_headers=self._headers, max_size=None)
        self._reader = asyncio.create_task(self._read(self.socket))
        # Who may not enter may be closed before this is said; `until_closed` tells.
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(show(self) if first is None else first)
        return self

    async def send(self, words: str) -> None:
        assert self.socket is not None
        await self.socket.send(words)

    async def close(self) -> None:
        if self.socket is not None and self._reader is not None:
            await self.socket.close()
            await self._reader

    async def until_closed(self, timeout_s: float = 15) -> int | None:
        await self.until(lambda: self.code is not None, timeout_s)
        return self.code

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                await self.take(await socket.recv())
        except ConnectionClosed as closed:
            received = closed.rcvd
            self.code = received.code if received else 1006
            self.reason = received.reason if received else ""
            await self.notify()


class Seat(Page):
    """A page's socket in this process, without a server. `stalled` lets it read nothing."""

    def __init__(self, dashboard: Any, key: str) -> None:
        super().__init__()
        self._scope = {
            "type": "websocket",
            "headers": [(b"authorization", f"Bearer {key}".encode())],
            "query_string": b"",
            "url_route": {"kwargs": {"dashboard_id": dashboard.pk}},
        }
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reading = asyncio.Event()
        self._reading.set()
        self._task: asyncio.Task[None] | None = None
        self.consumer = ViewerConsumer()

    async def open(self, first: str | None = None) -> Seat:
        await self._incoming.put({"type": "websocket.connect"})
        self._task = asyncio.create_task(self.consumer(self._scope, self._incoming.get, self._send))
        await self.say(show() if first is None else first)
        return self

    async def say(self, words: str) -> None:
        await self._incoming.put({"type": "websocket.receive", "text": words})

    async def close(self) -> None:
        self.stall(on=False)
        await self._incoming.put({"type": "websocket.disconnect"})
        if self._task is not None:
            await self._task

    def stall(self, *, on: bool = True) -> None:
        self._reading.clear() if on else self._reading.set()

    async def _send(self, event: dict[str, Any]) -> None:
        await self._reading.wait()
        if event["type"] == "websocket.send":
            frame = event.get("bytes")
            await self.take(event["text"] if frame is None else frame)
        elif event["type"] == "websocket.close":
            self.code, self.reason = event.get("code"), event.get("reason", "")
            await self.notify()
