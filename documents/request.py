"""Finding the document that a page or the API is asked for; see `collab.request`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from collab import request
from collab.access import Abilities
from collab.request import Ability, SharedRequest, View
from documents.models import Document


class DocumentRequest(SharedRequest):
    """A request whose visitor may do to `document` what the view asks for."""

    document: Document


def for_document(ability: Ability) -> Callable[[View], View]:
    """Find the document of the URL's `document_id` for a view, and check an ability."""
    return request.for_shared(ability, Document)


async def find_document(asked: Any, document_id: UUID) -> tuple[Document, Abilities]:
    """Find a document for the API, with what the asker may do to it. Raises Http404."""
    return await request.find(asked, Document, document_id)
