"""Finding the dashboard that a page or the API is asked for; see `collab.request`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from collab import request
from collab.access import Abilities
from collab.request import Ability, SharedRequest, View
from dashboards.models import Dashboard


class DashboardRequest(SharedRequest):
    """A request whose visitor may do to `dashboard` what the view asks for."""

    dashboard: Dashboard


def for_dashboard(ability: Ability) -> Callable[[View], View]:
    """Find the dashboard of the URL's `dashboard_id` for a view, and check an ability."""
    return request.for_shared(ability, Dashboard)


async def find_dashboard(asked: Any, dashboard_id: UUID) -> tuple[Dashboard, Abilities]:
    """Find a dashboard for the API, with what the asker may do to it. Raises Http404."""
    return await request.find(asked, Dashboard, dashboard_id)
