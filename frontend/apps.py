"""The Django app that brings Collab's templates and static files."""

from django.apps import AppConfig


class FrontendConfig(AppConfig):
    """No models: only what a browser sees."""

    name = "frontend"
    label = "frontend"
    verbose_name = "Collab pages"
