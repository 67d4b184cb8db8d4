"""Updates of a room over HTTP: for what is too large for a socket's frame."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema

from collab import conf
from collab.access import Abilities
from collab.api import ApiError, errors
from collab.engine.room import RoomKind
from collab.operations import Operations
from collab.process import Process
from collab.request import require
from collab.shared import SharedObject

OCTETS = "application/octet-stream"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class Stored(Schema):
    """Where the log ends once the edit is durable."""

    seq: int


def router_for(model: type[SharedObject], kind: RoomKind) -> Router:
    """Make the operation that adds an update to a room of a model's."""
    updates = Operations(model, "updates")

    async def add(request: HttpRequest, shared: SharedObject, can: Abilities) -> Any:
        """Apply a Yjs V1 update (application/octet-stream), as the room's socket would.

        The answer comes when the update is durable. For what is too large for a frame.
        """
        require(can, "write")
        if request.content_type != OCTETS:
            raise ApiError(
                415, "wrong_content_type", _("Send the update's bytes as application/octet-stream.")
            )
        refusal = _("An update may have %d bytes at most; send it in parts.")
        update = read_body(request, conf.get("UPLOAD_BYTES"), refusal)
        process = Process.current()
        room = await process.registry.lease(shared.room_id, kind)
        try:
            return {"seq": await room.submit(request.auth.pk, update)}  # type: ignore[attr-defined]
        finally:
            process.registry.release(room)

    updates.add(
        "POST", "/updates", add,
        response={200: Stored, **errors(404, 409, 413, 415, 429)},
        summary="Add an update", openapi_extra=_BODY,
    )  # fmt: skip
    return updates.router


def read_body(request: HttpRequest, max_bytes: int, refusal: str) -> bytes:
    """Read a request's body up to a bound of its own; Django's is for forms.

    Args:
        request: Whose body was not read yet.
        max_bytes: The bound.
        refusal: What is wrong with a larger one, with %d for the bound.

    Raises:
        ApiError: it is larger.
    """
    if int(request.headers.get("Content-Length") or 0) <= max_bytes:
        body = request.read(max_bytes + 1)
        if len(body) <= max_bytes:
            return body
    raise ApiError(413, "too_large", refusal % max_bytes)
