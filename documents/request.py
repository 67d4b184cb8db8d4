"""What every page under a document's address has in common: the document, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from collab import access
from collab.access import Abilities
from collab.api import ApiError
from documents.models import Document

Ability = Literal["read", "comment", "write", "share"]


class DocumentRequest(HttpRequest):
    """A request whose visitor may do to `document` what the view asks for.

    `visitor` is the user, or an anonymous one whom a link let in.
    """

    document: Document
    can: Abilities
    visitor: Any
    htmx: HtmxDetails


def for_document(
    ability: Ability,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Find the document of the URL's `document_id` for a view, and check an ability: two queries.

    Missing and forbidden look the same: 404, or the login page for who is not logged in. Who may
    read it but not do this gets 403.
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def wrapped(request: Any, document_id: UUID, **kwargs: Any) -> HttpResponseBase:
            request.visitor = access.visitor(request)
            found, can = Document.objects.seen_by(request.visitor, document_id)
            if not can.read:
                if request.visitor.is_authenticated:
                    raise Http404
                return login_needed(request)
            if not getattr(can, ability):
                raise PermissionDenied
            request.document, request.can = found, can
            response = view(request, **kwargs)
            if not response.has_header("Cache-Control"):
                # Going back after a logout must not show it.
                patch_cache_control(response, private=True, no_store=True)
            return response

        return wrapped

    return decorate


def login_needed(request: Any) -> HttpResponse:
    """Send to the login page, and back after it; also out of a fragment that htmx asked for."""
    try:
        page = request.htmx.current_url_abs_path if request.htmx else request.get_full_path()
    except ValueError:
        # Where a page says that it is may be no address at all.
        page = None
    response = redirect_to_login(page or "/")
    return HttpResponseClientRedirect(response.url) if request.htmx else response


async def find_document(request: Any, document_id: UUID) -> tuple[Document, Abilities]:
    """Find a document for the API, with what the asker (`request.auth`) may do to it.

    Raises:
        Http404: there is none, or none for them.
    """
    document, can = await sync_to_async(Document.objects.seen_by)(request.auth, document_id)
    if document is None or not can.read:
        raise Http404
    return document, can


def require(can: Abilities, ability: Ability) -> None:
    """Check that the API's asker may do something to what they see. Raises ApiError."""
    if getattr(can, ability):
        return
    if ability == "share":
        raise ApiError(403, "not_owner", _("Only its owners may do this."))
    raise ApiError(403, "read_only", _("You may read this document, not change it."))
