"""Where documents' pages are."""

from django.urls import include, path

from collab import sharing_views
from documents import files, home_views, reading, version_views, views
from documents.models import Document

app_name = "documents"

urlpatterns = [
    path("", home_views.document_list, name="list"),
    path("documents/", home_views.create, name="create"),
    path("documents/<uuid:document_id>/rename/", home_views.rename, name="rename"),
    path("documents/<uuid:document_id>/duplicate/", home_views.duplicate, name="duplicate"),
    path("documents/<uuid:document_id>/trash/", home_views.trash, name="trash"),
    path("documents/<uuid:document_id>/restore/", home_views.restore, name="restore"),
    path("documents/<uuid:document_id>/delete/", home_views.delete, name="delete"),
    path("documents/<uuid:document_id>/leave/", home_views.leave, name="leave"),
    path("documents/<uuid:document_id>/", views.detail, name="detail"),
    path("documents/<uuid:document_id>/versions/", version_views.timeline, name="versions"),
    path(
        "documents/<uuid:document_id>/versions/<int:seq>/name/",
        version_views.name,
        name="name_version",
    ),
    path(
        "documents/<uuid:document_id>/versions/<int:seq>/restore/",
        version_views.restore,
        name="restore_version",
    ),
    path("documents/<uuid:document_id>/read/", reading.read, name="read"),
    path("documents/<uuid:document_id>/", include(sharing_views.urls_of(Document))),
    path("documents/<uuid:document_id>/files/<str:key>", files.download, name="file"),
]
