"""The admin: series are looked at, and retention is set."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dashboards.store.models import Retention, Series
from dashboards.store.retention import Policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


def test_series_are_only_looked_at(client: Client) -> None:
    """A list, and a page of each without a form that changes it."""
    series = Series.objects.create(name="heat", labels='{"room":"kitchen"}', digest="1")
    assert "kitchen" in client.get(reverse("admin:dashboards_series_changelist")).text
    page = client.get(reverse("admin:dashboards_series_change", args=[series.pk]))
    assert page.status_code == 200
    assert 'name="_save"' not in page.text
    assert client.get(reverse("admin:dashboards_series_add")).status_code == 403


def test_retention_of_a_metric_is_set(client: Client) -> None:
    """What is left empty is as the settings say; no tier is kept for less than a day."""
    address = reverse("admin:dashboards_retention_add")
    client.post(address, {"pattern": "heat*", "raw_days": "3"})
    assert Policy("default").of("heat.kitchen").of == (3, 30, 120, 1830)
    client.post(address, {"pattern": "x", "raw_days": "0"})
    assert list(Retention.objects.values_list("pattern", "raw_days")) == [("heat*", 3)]
