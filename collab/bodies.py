"""Bodies of HTTP requests, bounded before Django takes them.

Django takes the whole body into memory or a temporary file before any view sees the request,
however long it is and whoever sends it.
"""

from __future__ import annotations

import json
from typing import Any

from collab import conf

# Forms and multipart headers around the largest body that a view takes.
_SLACK_BYTES = 2**20


def max_body_bytes() -> int:
    """Return the bound of a request's body."""
    names = ("UPLOAD_BYTES", "IMAGE_BYTES", "INGEST_BYTES")
    return int(max(map(conf.get, names))) + _SLACK_BYTES


def refusal() -> bytes:
    """Return the JSON that a longer body is answered with, beside the status 413."""
    error = {
        "code": "too_large",
        "message": f"A request may have {max_body_bytes()} bytes at most.",
    }
    return json.dumps({"error": error}).encode()


class BoundedBodies:
    """An ASGI application that answers 413 in another's place as soon as a body is too long.

    The site's own server (`collab.site.http`) does so before any application.

    Args:
        application: Django's.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        most, received = max_body_bytes(), 0
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > most:
            await _refuse(send)
            return

        async def bounded() -> Any:
            nonlocal received
            event = await receive()
            if event["type"] == "http.request":
                received += len(event.get("body", b""))
                if received > most:
                    await _refuse(send)
                    # For Django, its sender has gone: it lets go of what it has.
                    return {"type": "http.disconnect"}
            return event

        await self._application(scope, bounded, send)


async def _refuse(send: Any) -> None:
    body = refusal()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
