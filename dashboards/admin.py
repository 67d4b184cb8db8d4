"""Series, and how long their numbers are kept, in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from dashboards.store.models import Retention, Series


@admin.register(Series)
class SeriesAdmin(admin.ModelAdmin):
    """Only looked at: a series comes with its numbers, and goes with the last of them."""

    list_display = ("name", "labels", "kind", "unit", "key", "created_at")
    list_filter = ("kind",)
    list_select_related = ("key",)
    search_fields = ("name", "labels")
    fields = ("name", "labels", "kind", "unit", "key", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Retention)
class RetentionAdmin(admin.ModelAdmin):
    list_display = ("pattern", "raw_days", "ten_second_days", "minute_days", "hour_days")
    search_fields = ("pattern",)
