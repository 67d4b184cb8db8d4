"""Where documents' pages are."""

from django.urls import path

from documents import files, views

app_name = "documents"

urlpatterns = [
    path("", views.document_list, name="list"),
    path("documents/", views.create, name="create"),
    path("documents/<uuid:document_id>/", views.detail, name="detail"),
    path("documents/<uuid:document_id>/files/<str:key>", files.download, name="file"),
]
