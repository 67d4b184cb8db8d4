"""An ASGI application that does nothing but send given frames: what sending them costs.

Run by `tests.benchmarks.viewers`, on the server that the site runs on. Every POST sends the next
frames, a text and a binary one, to every socket.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import django


class Empty:
    """The application.

    Args:
        frames: What each POST sends: ("text", words) and ("bytes", data), in order.
    """

    def __init__(self, frames: list[list[tuple[str, Any]]]) -> None:
        self._frames = frames
        self._next = 0
        self._sends: set[Any] = set()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            await self._send_all()
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await receive()
        await send({"type": "websocket.accept"})
        self._sends.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self._sends.discard(send)

    async def _send_all(self) -> None:
        events = [
            {"type": "websocket.send", kind: data}
            for kind, data in self._frames[self._next % len(self._frames)]
        ]
        self._next += 1
        for send in tuple(self._sends):
            for event in events:
                await send(event)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("frames", type=Path)
    chosen = parser.parse_args()
    django.setup()
    from collab.site.server import LiveServer

    frames = [
        [(kind, bytes.fromhex(data) if kind == "bytes" else data) for kind, data in tick]
        for tick in json.loads(chosen.frames.read_text())
    ]
    LiveServer(
        Empty(frames),
        endpoints=[f"tcp:port={chosen.port}:interface=127.0.0.1"],
        signal_handlers=True,
        on_listening=lambda: print("ready", flush=True),
    ).run()


if __name__ == "__main__":
    main()
