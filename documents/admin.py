"""Documents in Django's admin."""

from django.contrib import admin
from django.http import HttpRequest

from documents.models import Document


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    list_display = ("__str__", "created_at", "updated_at")
    readonly_fields = ("title", "room", "created_at", "updated_at")
    search_fields = ("title",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
