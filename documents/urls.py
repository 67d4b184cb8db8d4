"""Where documents' pages are."""

from django.urls import include, path

from collab import list_views, sharing_views, version_views
from documents import actions, files, reading, versions, views
from documents.models import Document

app_name = "documents"

_one = [
    path("", views.detail, name="detail"),
    path("read/", reading.read, name="read"),
    path("files/<str:key>", files.download, name="file"),
    *list_views.urls_of(Document, actions.duplicate),
    *version_views.urls_of(Document, versions),
    *sharing_views.urls_of(Document),
]

urlpatterns = [
    path("", list_views.show, {"model": Document}, name="list"),
    path("documents/", views.create, name="create"),
    path("documents/<uuid:document_id>/", include(_one)),
]
