"""Pages that all shared objects have in common."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from collab import access
from collab.models import Grant


@require_safe
@never_cache
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Note in the session that a link was opened, and go to what it opens, by its clean address.

    A link that is unknown, expired, revoked, or of what lies in the trash: all look the same.
    Guesses need no limit, a token has 128 random bits.
    """
    links = Grant.objects.valid().links().select_related("room")
    found = links.filter(token=token).first() if token.isprintable() else None
    shared = None if found is None else found.room.shared
    if (
        found is None
        or shared is None
        or not access.abilities(access.with_link(access.visitor(request), found), shared).read
    ):
        response = render(request, "collab/no_link.html", status=404)
    else:
        access.note_link(request, found)
        response = redirect(shared)
    # The token is in this address alone; nobody is told where a visitor came from.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
