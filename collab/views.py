"""Pages that all shared objects have in common."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collab.access import SESSION_LINKS
from collab.models import Grant

# A session is read with every request; who opens more links than this loses the oldest.
_LINKS_KEPT = 100


@require_safe
@never_cache
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Note in the session that a link was opened, and go to what it opens, by its clean address."""
    links = Grant.objects.valid().links().select_related("room")
    found = links.filter(token=token).first()
    shared = None if found is None else found.room.shared
    if found is None or shared is None:
        raise Http404
    opened = [pk for pk in request.session.get(SESSION_LINKS, []) if pk != found.pk]
    request.session[SESSION_LINKS] = [*opened, found.pk][-_LINKS_KEPT:]
    return redirect(shared)
