"""What pages under a shared object's address have in common: the object, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, TypeVar
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
from collab.shared import SharedObject

Ability = Literal["read", "comment", "write", "share"]
View = Callable[..., HttpResponseBase]
T = TypeVar("T", bound=SharedObject)


class SharedRequest(HttpRequest):
    """A request whose visitor may do to `shared` what the view asks for.

    The object is also there by its kind's name, as `request.document`. `visitor` is the user, or
    an anonymous one whom a link let in.
    """

    shared: SharedObject
    can: Abilities
    visitor: Any
    htmx: HtmxDetails


def for_shared(ability: Ability, of: type[SharedObject] | None = None) -> Callable[[View], View]:
    """Find the object of the URL for a view, and check an ability: two queries.

    Missing and forbidden look the same: 404, or the login page for who is not logged in. Who may
    read it but not do this gets 403.

    Args:
        ability: What the visitor must be able to do.
        of: The model; None: that which the URL pattern gives as `model`. The URL has the object's
            primary key under the kind's name, as `document_id`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: Any, **kwargs: Any) -> HttpResponseBase:
            model: type[SharedObject] = of or kwargs.pop("model")
            request.visitor = access.visitor(request)
            pk: UUID = kwargs.pop(f"{model.KIND}_id")
            found, request.can = model.objects.seen_by(request.visitor, pk)
            if not request.can.read:
                if request.visitor.is_authenticated:
                    raise Http404
                return login_needed(request)
            if not getattr(request.can, ability):
                raise PermissionDenied
            request.shared = found
            setattr(request, model.KIND, found)
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


async def find(request: Any, model: type[T], pk: UUID) -> tuple[T, Abilities]:
    """Find an object for the API, with what the asker (`request.auth`) may do to it.

    Raises:
        Http404: there is none, or none for them.
    """
    found, can = await sync_to_async(model.objects.seen_by)(request.auth, pk)
    if found is None or not can.read:
        raise Http404
    return found, can


def require(can: Abilities, ability: Ability) -> None:
    """Check that the API's asker may do something to what they see. Raises ApiError."""
    if getattr(can, ability):
        return
    if ability == "share":
        raise ApiError(403, "not_owner", _("Only its owners may do this."))
    raise ApiError(403, "read_only", _("You may read it, not change it."))
