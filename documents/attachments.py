"""Images in documents: what is taken, and where it is kept."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from collab import conf
from collab.engine.errors import CollabError, NoSuchRoom
from collab.models import Room
from documents.models import Attachment, Document

# No SVG: it is a program as much as a picture.
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


class NoImage(CollabError):
    """Not a picture that a document takes; the text says why, for a person."""


class TooLarge(CollabError):
    """A picture beyond a bound, or one for which the document has no room."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a file was found to be by its bytes, whatever its name says. Sizes in pixels."""

    content_type: str
    width: int
    height: int


def inspect(data: bytes) -> Picture:
    """Find out what picture bytes are, without unpacking it.

    Raises:
        NoImage: none that browsers show, or a damaged one.
        TooLarge: it would unpack to more than `IMAGE_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=tuple(_TYPES)) as image:
            found = Picture(_TYPES[str(image.format)], *image.size)
            if found.width * found.height > conf.get("IMAGE_PIXELS"):
                raise TooLarge(
                    _("This image has more than %d pixels. Make it smaller and try again.")
                    % conf.get("IMAGE_PIXELS")
                )
            image.verify()
    except Image.DecompressionBombError as error:
        raise TooLarge(_("This image is too large. Make it smaller and try again.")) from error
    except UnidentifiedImageError as error:
        raise NoImage(_("Only PNG, JPEG, GIF and WebP images can be added.")) from error
    except (OSError, SyntaxError, ValueError) as error:
        # What Pillow's parsers raise for files that break off or contradict themselves.
        raise NoImage(_("This image is damaged.")) from error
    return found


def check_size(size_bytes: int) -> None:
    """Refuse a file for its size alone, which is known before it is read. Raises TooLarge."""
    max_bytes = conf.get("IMAGE_BYTES")
    if size_bytes > max_bytes:
        raise TooLarge(_("An image may have %d MB at most.") % (max_bytes // 1_000_000))


def add(*, actor: Any, document: Document, data: bytes) -> Attachment:
    """Keep an image for a document.

    Args:
        actor: Who adds it; an anonymous visitor is noted as nobody.
        document: Where it goes.
        data: The file.

    Raises:
        NoImage, TooLarge: it is not taken.
        NoSuchRoom: the document was deleted meanwhile, or lies in the trash.
    """
    check_size(len(data))
    picture = inspect(data)
    name = _name_of(data)
    try:
        with transaction.atomic():
            _take_room(document, len(data))
            made = Attachment.objects.create(
                document=document,
                key=secrets.token_urlsafe(12),
                file=_kept(data),
                content_type=picture.content_type,
                size_bytes=len(data),
                width=picture.width,
                height=picture.height,
                uploaded_by_id=actor.pk,
            )
    except BaseException:
        forget_file(name)
        raise
    # A row of the same file that was deleted meanwhile may have taken the file with it.
    _kept(data)
    return made


def _take_room(document: Document, size_bytes: int) -> None:
    """Lock a document's room, and check that it still takes so many bytes. Raises as `add`."""
    # One upload after the other, so that two at once cannot both take the last room; and before
    # any row of the document is locked, as whoever deletes it does.
    room = Room.objects.lock(document.room_id)
    if room is None or not Document.objects.alive().filter(pk=document.pk).exists():
        raise NoSuchRoom(_("This document was deleted."))
    used = document.attachments.aggregate(Sum("size_bytes"))["size_bytes__sum"] or 0
    if used + size_bytes > conf.get("DOCUMENT_FILES_BYTES"):
        raise TooLarge(_("This document has as many images as it can hold."))


def copy(*, source: Document, target: Document, keys: Collection[str]) -> None:
    """Give a copy of a document those images of the original that it shows, under the same keys."""
    copies = [attachment for attachment in source.attachments.all() if attachment.key in keys]
    for attachment in copies:
        attachment.pk = None
        attachment.document = target
    Attachment.objects.bulk_create(copies)


def forget_file(name: str) -> None:
    """Delete a file that no attachment names any more."""
    if not Attachment.objects.filter(file=name).exists():
        default_storage.delete(name)


def _kept(data: bytes) -> str:
    """Store bytes under their hash, unless they are there. Returns the file's name."""
    name = _name_of(data)
    return name if default_storage.exists(name) else default_storage.save(name, ContentFile(data))


def _name_of(data: bytes) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return f"files/{digest[:2]}/{digest}"
