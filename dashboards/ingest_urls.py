"""Addresses that senders push to. None ends in a slash: a redirect would turn a POST into a GET."""

from django.urls import path

from dashboards import ingest_views as views

app_name = "ingest"
urlpatterns = [
    path("json", views.json, name="json"),
    path("prometheus/metrics/<path:grouping>", views.pushgateway, name="pushgateway"),
    path("otlp/v1/metrics", views.otlp_metrics, name="otlp"),
    path("influx/api/v2/write", views.influx_write, name="influx"),
    path("influx/ping", views.influx_ping),
    path("influx/health", views.influx_health),
]
