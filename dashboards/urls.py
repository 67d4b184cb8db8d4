"""Where dashboards' pages are."""

from django.urls import include, path

from collab import sharing_views
from dashboards import views
from dashboards.models import Dashboard

app_name = "dashboards"

_one = [
    path("", views.detail, name="detail"),
    path("panels/<str:panel_id>/", views.panel, name="panel"),
    path("panels/<str:panel_id>/csv", views.csv, name="csv"),
    *sharing_views.urls_of(Dashboard),
]

urlpatterns = [
    path("dashboards/<uuid:dashboard_id>/", include(_one)),
]
