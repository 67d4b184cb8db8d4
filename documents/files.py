"""Images of documents over HTTP: uploads through the API, downloads beside the page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe
from ninja import File, Router, Schema, Status
from ninja.files import UploadedFile

from collab.api import ApiError, errors
from collab.request import require
from documents import attachments
from documents.attachments import NoImage, TooLarge
from documents.models import Attachment
from documents.request import DocumentRequest, find_document, for_document

router = Router(tags=["files"])


class FileOut(Schema):
    src: str
    width: int
    height: int
    bytes: int


@router.post(
    "/documents/{uuid:document_id}/files",
    response={201: FileOut, **errors(400, 404, 413, 415)},
    summary="Add an image",
)
async def upload(request: HttpRequest, document_id: UUID, file: File[UploadedFile]) -> Any:
    """Keep a PNG, JPEG, GIF or WebP image (multipart field `file`) for a document.

    `src` is its address relative to the document's page, as an image node holds it.
    """
    document, can = await find_document(request, document_id)
    require(can, "write")
    add = sync_to_async(attachments.add)
    try:
        attachments.check_size(file.size or 0)
        made = await add(
            actor=request.auth,  # type: ignore[attr-defined]
            document=document,
            data=file.read(),
        )
    except NoImage as error:
        raise ApiError(415, "wrong_content_type", str(error)) from error
    except TooLarge as error:
        raise ApiError(413, "too_large", str(error)) from error
    return Status(201, {
        "src": str(made), "width": made.width, "height": made.height, "bytes": made.size_bytes,
    })  # fmt: skip


@require_safe
@for_document("read")
def download(request: DocumentRequest, key: str) -> HttpResponseBase:
    """Answer with an image, to those who may read its document.

    The browser asks each time whether it may still show it, which is answered without the bytes.
    """
    found = None
    if key.isprintable():  # PostgreSQL refuses to look for NUL
        found = Attachment.objects.filter(document=request.document, key=key).first()
    if found is None:
        raise Http404
    etag = f'"{str(found.file).rpartition("/")[2]}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            with found.file.open("rb") as file:
                response = HttpResponse(file.read(), content_type=found.content_type)
        except FileNotFoundError as error:
            raise Http404 from error
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    # Opened by itself, it can do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
