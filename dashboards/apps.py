"""Django's entry to dashboards."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DashboardsConfig(AppConfig):
    name = "dashboards"
    verbose_name = _("Dashboards")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from collab.process import Process
        from collab.signals import own_rooms
        from dashboards import counted, upkeep
        from dashboards.models import Dashboard
        from dashboards.recording import Recorder
        from dashboards.telling import tell

        own_rooms(Dashboard)
        Recorder.everywhere.add(tell)
        counted.register()
        Process.starters.append(upkeep.start)
