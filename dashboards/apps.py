"""Django's entry to dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collab.process import Process


class DashboardsConfig(AppConfig):
    name = "dashboards"
    verbose_name = _("Dashboards")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from collab.process import Process
        from collab.signals import own_rooms
        from dashboards import counted
        from dashboards.models import Dashboard

        own_rooms(Dashboard)
        counted.register()
        Process.starters.append(_start_upkeep)


def _start_upkeep(process: Process) -> None:
    # Not before there is a process: most commands need nothing that numbers are computed with.
    from dashboards import upkeep

    upkeep.start(process)
