"""Where documents' sockets are."""

from django.urls import path

from documents.consumers import DocumentConsumer, ListConsumer, PeopleConsumer

websocket_urlpatterns = [
    path("ws/documents/<uuid:document_id>", DocumentConsumer.as_asgi()),
    path("ws/documents/<uuid:document_id>/people", PeopleConsumer.as_asgi()),
    path("ws/home", ListConsumer.as_asgi()),
]
