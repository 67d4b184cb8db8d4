"""URLs of the ready-made site."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from collab.api import api
from collab.health import healthz, metrics, readyz
from collab.site.login import enter
from dashboards.api import router as dashboards_router
from dashboards.metrics_api import router as metrics_router
from documents.api import router as documents_router

api.add_router("", documents_router)
api.add_router("", dashboards_router)
api.add_router("", metrics_router)

urlpatterns = [
    path("", include("documents.urls")),
    path("", include("dashboards.urls")),
    path("", include("collab.urls")),
    path("api/", api.urls),
    path("ingest/", include("dashboards.ingest_urls")),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("enter/<uidb64>/<token>/", enter, name="enter"),
    path("jsi18n/", JavaScriptCatalog.as_view(packages=["frontend"]), name="jsi18n"),
    path("admin/", admin.site.urls),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
]
