"""A document's content over HTTP: read in five formats, and written as an edit of the live text."""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from ninja import Router

from collab import conf
from collab.api import ApiError, errors
from collab.operations import in_thread
from collab.process import Process
from collab.request import require
from collab.update_api import Stored, read_body
from documents import content
from documents.content import Tree, rewrite
from documents.live import DOCUMENT
from documents.models import Document
from documents.request import find_document

router = Router(tags=["content"])

Format = Literal["html", "markdown", "text", "json", "yjs"]
CONTENT_TYPES: Final[dict[str, str]] = {
    "html": "text/html; charset=utf-8",
    "markdown": "text/markdown; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "json": "application/json",
    "yjs": "application/octet-stream",
}
# What a body may be, by the document's kind.
_TAKEN = {
    Document.Kind.RICH: ("text/markdown", "text/html"),
    Document.Kind.TEXT: ("text/plain", "text/markdown"),
}
_OCTETS = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}


def _body_of(*types: str, schema: dict[str, str]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {t: {"schema": schema} for t in types}}}


_READ = {
    "responses": {
        200: {
            "description": "The content",
            "headers": {"ETag": {"schema": _TEXT, "description": "For If-Match"}},
            "content": {
                kind.partition(";")[0]: {
                    "schema": _OCTETS if name == "yjs" else {} if name == "json" else _TEXT
                }
                for name, kind in CONTENT_TYPES.items()
            },
        },
        304: {"description": "Not Modified"},
    }
}


@router.get(
    "/documents/{uuid:document_id}/content",
    response={200: None, **errors(404)},
    summary="Read a document",
    openapi_extra=_READ,
)
async def read_content(
    request: HttpRequest, document_id: UUID, format: Format = "html"
) -> HttpResponseBase:
    """Return the live content in one of five formats.

    `html` is sanitised and has images at the document's address; `markdown` is CommonMark with
    GitHub's tables, strikethrough and tasks; `text` has a line per block; `json` is the editor's
    own tree; `yjs` is all of it as one Yjs V1 update. If-None-Match is answered with 304.
    """
    document, _can = await find_document(request, document_id)
    process = Process.current()
    room = await process.registry.lease(document.room_id, DOCUMENT)
    try:
        state = room.replica.encode()
    finally:
        process.registry.release(room)
    if format == "yjs":
        return HttpResponse(state, content_type=CONTENT_TYPES[format])
    # A copy of its own, off the loop: rendering a large document takes a while.
    body, etag = await in_thread(_render)(state, document, format)
    answer = get_conditional_response(request, etag=etag) or HttpResponse(
        body, content_type=CONTENT_TYPES[format]
    )
    answer["ETag"] = etag
    answer["Cache-Control"] = "private, no-cache"
    return answer


@router.put(
    "/documents/{uuid:document_id}/content",
    response={200: Stored, **errors(404, 409, 412, 413, 415, 429)},
    summary="Change a document's text",
    openapi_extra=_body_of("text/markdown", "text/html", "text/plain", schema=_TEXT),
)
async def write_content(request: HttpRequest, document_id: UUID) -> Any:
    """Make of the live text what the body says, by the smallest edit that does it.

    The body is text/markdown or text/html, and text/plain for a document of kind text. What
    others type meanwhile stays, and so do their cursors. With If-Match and the ETag of a read, an
    edit of a text that has changed since is answered with 412 instead of undoing what changed it.
    The answer comes when the edit is durable.
    """
    document, can = await find_document(request, document_id)
    require(can, "write")
    if request.content_type not in _TAKEN[Document.Kind(document.kind)]:
        taken = _(" or ").join(_TAKEN[Document.Kind(document.kind)])
        raise ApiError(415, "wrong_content_type", _("Send the text as %s.") % taken)
    source = _text_of(read_body(request, conf.get("CONTENT_BYTES"), _too_long()))
    process = Process.current()
    room = await process.registry.lease(document.room_id, DOCUMENT)
    try:
        update = await in_thread(_change)(
            room.replica.encode(),
            document,
            _parser(request.content_type, document),
            source,
            request.headers.get("If-Match", ""),
        )
        if update is None:
            return {"seq": room.tail.seq}
        return {"seq": await room.submit(_author(request), update)}
    finally:
        process.registry.release(room)


def parse(source: str, format: str, kind: str, base: str = "") -> Tree:
    """Read a text in a format as a document of a kind; a text is taken as it is.

    Raises:
        ApiError: it is longer than `CONTENT_BYTES`, or cannot be read.
    """
    max_bytes = conf.get("CONTENT_BYTES")
    if len(source.encode(errors="replace")) > max_bytes:
        raise ApiError(413, "too_large", _too_long() % max_bytes)
    if kind == Document.Kind.TEXT:
        return {"type": "text", "text": source}
    try:
        if format == "html":
            return content.parse_html(source, base)
        return content.parse_markdown(source)
    except content.ContentRejected as error:
        raise ApiError(
            422, "content_rejected", _("This text nests too deeply to be read.")
        ) from error


def _parser(content_type: str | None, document: Document) -> str:
    return "html" if content_type == "text/html" else "markdown"


def _change(
    state: bytes, document: Document, format: str, source: str, if_match: str
) -> bytes | None:
    if if_match:
        replica = content.replica_of(state)
        known = parse_etags(if_match)
        if known != ["*"] and _etag(content.as_json(replica, document.kind)) not in known:
            raise ApiError(412, "changed", _("The text has changed since you read it."))
    wanted = parse(source, format, document.kind, document.get_absolute_url())
    return rewrite.edit(state, wanted, document.kind)


def _render(state: bytes, document: Document, format: Format) -> tuple[str, str]:
    """Return the content in a format, and its ETag, which is the same in all formats."""
    replica = content.replica_of(state)
    body = content.written(replica, document.kind, format, document.get_absolute_url())
    tree = body if format == "json" else content.as_json(replica, document.kind)
    return body, _etag(tree)


def _etag(tree: str) -> str:
    return f'"{hashlib.sha256(tree.encode(errors="replace")).hexdigest()[:32]}"'


def _author(request: HttpRequest) -> Any:
    return request.auth.pk  # type: ignore[attr-defined]


def _text_of(body: bytes) -> str:
    try:
        return body.decode().replace("\0", "").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ApiError(422, "not_text", _("Send the text in UTF-8.")) from error


def _too_long() -> str:
    return _("A text may have %d bytes at most.")
