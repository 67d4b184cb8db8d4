"""Where documents' pages are."""

from django.urls import path

from documents import files, home_views, reading, sharing_views, version_views, views

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
    path("documents/<uuid:document_id>/share/", sharing_views.show, name="share"),
    path(
        "documents/<uuid:document_id>/share/people/",
        sharing_views.add_person,
        name="share-people",
    ),
    path(
        "documents/<uuid:document_id>/share/groups/",
        sharing_views.add_group,
        name="share-groups",
    ),
    path(
        "documents/<uuid:document_id>/share/links/",
        sharing_views.add_link,
        name="share-links",
    ),
    path(
        "documents/<uuid:document_id>/share/<int:grant_id>/role/",
        sharing_views.change_role,
        name="share-role",
    ),
    path(
        "documents/<uuid:document_id>/share/<int:grant_id>/withdraw/",
        sharing_views.withdraw,
        name="share-withdraw",
    ),
    path("documents/<uuid:document_id>/files/<str:key>", files.download, name="file"),
]
