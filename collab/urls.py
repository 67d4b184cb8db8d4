"""Where what all shared objects have in common is."""

from django.urls import path

from collab import views

app_name = "collab"

urlpatterns = [
    path("s/<str:token>", views.open_link, name="link"),
]
