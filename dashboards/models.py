"""A dashboard: what is kept beside its layout, which is in its room."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from collab.models import Room
from collab.shared import SharedObject, SharedQuerySet, SharedVisit
from dashboards.store.models import (
    Hour,
    Lease,
    Ledger,
    Minute,
    Reopened,
    Retention,
    Sample,
    Series,
    TenSeconds,
    Watermark,
)

__all__ = [
    "Dashboard",
    "DashboardQuerySet",
    "Hour",
    "Lease",
    "Ledger",
    "Minute",
    "Reopened",
    "Retention",
    "Sample",
    "Series",
    "TenSeconds",
    "Visit",
    "Watermark",
]


class DashboardQuerySet(SharedQuerySet["Dashboard"]):
    """Dashboards."""


class Dashboard(SharedObject):
    """A live dashboard. Its layout and title are in the room."""

    KIND = "dashboard"
    PAGES = "dashboards"
    VERSIONS = "dashboards.versions"

    room = models.OneToOneField(Room, models.CASCADE, related_name="dashboard", editable=False)

    objects = DashboardQuerySet.as_manager()

    class Meta:
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboards")

    @property
    def icon(self) -> str:
        return "kind-bars"


class Visit(SharedVisit):
    """When somebody last opened a dashboard."""

    dashboard = models.ForeignKey(Dashboard, models.CASCADE, related_name="visits", db_index=False)

    class Meta(SharedVisit.Meta):
        constraints = (
            models.UniqueConstraint(fields=("dashboard", "user"), name="dashboards_visit_once"),
        )
        indexes = (models.Index(fields=("user", "-visited_at"), name="dashboards_visit_latest"),)

    def __str__(self) -> str:
        return f"{self.user} at {self.dashboard}"
