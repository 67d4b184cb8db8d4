"""Where dashboards' pages are."""

from django.urls import include, path

from collab import list_views, sharing_views, version_views
from dashboards import actions, files, new, versions, views
from dashboards.models import Dashboard

app_name = "dashboards"

_one = [
    path("", views.detail, name="detail"),
    path("export/", files.download, name="export"),
    path("panels/<str:panel_id>/", views.panel, name="panel"),
    path("panels/<str:panel_id>/csv", views.csv, name="csv"),
    *list_views.urls_of(Dashboard, actions.duplicate),
    *version_views.urls_of(Dashboard, versions),
    *sharing_views.urls_of(Dashboard),
]

urlpatterns = [
    path("dashboards/", list_views.show, {"model": Dashboard}, name="list"),
    path("dashboards/new/", new.create, name="create"),
    path("dashboards/import/", files.upload, name="import"),
    path("dashboards/<uuid:dashboard_id>/", include(_one)),
]
