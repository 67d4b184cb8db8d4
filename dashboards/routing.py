"""Where dashboards' sockets are."""

from django.urls import path

from dashboards.consumers import LayoutConsumer, ListConsumer, PeopleConsumer
from dashboards.viewers import ViewerConsumer

websocket_urlpatterns = [
    path("ws/dashboards", ListConsumer.as_asgi()),
    path("ws/dashboards/<uuid:dashboard_id>/layout", LayoutConsumer.as_asgi()),
    path("ws/dashboards/<uuid:dashboard_id>/people", PeopleConsumer.as_asgi()),
    path("ws/dashboards/<uuid:dashboard_id>/live", ViewerConsumer.as_asgi()),
]
