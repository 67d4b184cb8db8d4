"""A document's versions over HTTP: reading one is beside what `collab.version_api` has."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from collab import history, version_api
from collab.access import Abilities
from collab.api import errors
from collab.operations import in_thread
from collab.request import require
from documents import versions
from documents.content_api import CONTENT_TYPES, Format
from documents.models import Document

_READ = {
    "responses": {
        200: {
            "description": "The content",
            "content": {
                kind.partition(";")[0]: {"schema": {} if name == "json" else {"type": "string"}}
                for name, kind in CONTENT_TYPES.items()
            },
        }
    }
}


async def read(
    request: HttpRequest, document: Document, can: Abilities, seq: int, format: Format = "html"
) -> HttpResponse:
    """Return the document as it was after an edit, in the formats of its content."""
    require(can, "write")
    body = await in_thread(_render)(document, version_api.in_bounds(seq), format)
    return HttpResponse(body, content_type=CONTENT_TYPES[format])


def _render(document: Document, seq: int, format: Format) -> str | bytes:
    if format == "yjs":
        return history.state_at(document.room_id, seq)
    return versions.written(document, seq, format)


_versions = version_api.operations_of(Document, versions)
_versions.add(
    "GET", version_api.ONE, read,
    response={200: None, **errors(404)}, summary="Read a version", openapi_extra=_READ,
)  # fmt: skip
router = _versions.router
