"""Where documents' pages are."""

from django.urls import include, path

from collab import sharing_views, version_views
from documents import files, home_views, reading, versions, views
from documents.models import Document

app_name = "documents"

_one = [
    path("", views.detail, name="detail"),
    path("rename/", home_views.rename, name="rename"),
    path("duplicate/", home_views.duplicate, name="duplicate"),
    path("trash/", home_views.trash, name="trash"),
    path("restore/", home_views.restore, name="restore"),
    path("delete/", home_views.delete, name="delete"),
    path("leave/", home_views.leave, name="leave"),
    path("read/", reading.read, name="read"),
    path("files/<str:key>", files.download, name="file"),
    *version_views.urls_of(Document, versions),
    *sharing_views.urls_of(Document),
]

urlpatterns = [
    path("", home_views.document_list, name="list"),
    path("documents/", home_views.create, name="create"),
    path("documents/<uuid:document_id>/", include(_one)),
]
