"""Django's entry to the engine."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CollabConfig(AppConfig):
    name = "collab"
    verbose_name = _("Collab")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from collab import checks, signals  # noqa: F401 - registers checks, connects receivers
