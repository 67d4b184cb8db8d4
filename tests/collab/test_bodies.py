"""Bodies are bounded on any ASGI server, before Django keeps what it is sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.core.asgi import get_asgi_application

from collab.bodies import BoundedBodies, max_body_bytes

MIB = 2**20


class Request:
    """One request to Django's application behind the bound, and what it is answered.

    Args:
        body: What is sent, in events.
        headers: Beside none.
    """

    def __init__(self, body: list[bytes], headers: list[tuple[bytes, bytes]] | None = None) -> None:
        self.taken = 0
        self.answer: list[dict[str, Any]] = []
        self._events = [
            {"type": "http.request", "body": part, "more_body": at < len(body)}
            for at, part in enumerate(body, 1)
        ]
        self._scope = {
            "type": "http", "method": "POST", "path": "/nowhere", "headers": headers or [],
            "query_string": b"", "server": ("testserver", 80),
        }  # fmt: skip

    async def run(self) -> Request:
        await BoundedBodies(get_asgi_application())(self._scope, self._receive, self._send)
        return self

    @property
    def status(self) -> int:
        return int(self.answer[0]["status"])

    async def _receive(self) -> dict[str, Any]:
        if self.taken == len(self._events):
            await asyncio.Event().wait()
        self.taken += 1
        return self._events[self.taken - 1]

    async def _send(self, event: dict[str, Any]) -> None:
        self.answer.append(event)


@pytest.fixture(autouse=True)
def _bounds(settings: Any) -> None:
    for name in ("UPLOAD", "IMAGE", "INGEST"):
        setattr(settings, f"COLLAB_{name}_BYTES", MIB)
    settings.MIDDLEWARE = []


async def test_a_body_is_refused_as_soon_as_it_is_too_long() -> None:
    """No more is read, and Django answers nothing behind it."""
    found = await Request([bytes(MIB)] * 10).run()
    assert found.status == 413
    assert json.loads(found.answer[1]["body"])["error"]["code"] == "too_large"
    assert len(found.answer) == 2
    assert found.taken == max_body_bytes() // MIB + 1


@pytest.mark.parametrize("length", [b"99999999", b"9" * 5000])
async def test_a_body_is_refused_by_its_length(length: bytes) -> None:
    """Before any of it is read."""
    found = await Request([bytes(MIB)] * 10, [(b"content-length", length)]).run()
    assert (found.status, found.taken) == (413, 0)


@pytest.mark.parametrize("length", [b"", b"no number", b"3"])
async def test_a_body_that_fits_goes_on_to_django(length: bytes) -> None:
    """Which knows no such page."""
    found = await Request([b"abc", bytes(MIB)], [(b"content-length", length)]).run()
    assert found.status == 404
