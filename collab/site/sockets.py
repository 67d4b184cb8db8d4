"""What answers a WebSocket handshake for a path that has no socket."""

from __future__ import annotations

from typing import Any

from django.http import Http404


class NoSuchSocket:
    """Close a socket of an unknown path with 403 instead of an error in the log."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await self._inner(scope, receive, send)
        except (Http404, ValueError) as error:
            # URLRouter raises ValueError("No route found for path …").
            if not isinstance(error, Http404) and "No route found" not in str(error):
                raise
            await send({"type": "websocket.close", "code": 4404})
