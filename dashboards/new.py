"""Making a dashboard from the list of them."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from collab.list_views import ListRequest, with_login
from dashboards import actions


@require_POST
@with_login
def create(request: ListRequest) -> HttpResponse:
    """Create an empty dashboard and open it."""
    title = request.POST.get("title", "")
    return redirect(actions.create_dashboard(actor=request.user, title=title))
