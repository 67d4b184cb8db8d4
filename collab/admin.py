"""Rooms, grants and API keys in Django's admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collab import sharing
from collab.models import ApiKey, Grant, KeyScope, Role, Room


class GrantForm(forms.ModelForm):
    """A role for a user or a group; links are made where they can be copied, and end here."""

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        given = [found.get("user"), found.get("group"), self.instance.token]
        if sum(one is not None for one in given) != 1:
            raise forms.ValidationError(_("Choose a user or a group, and not both."))
        if found.get("expires_at") and self.instance.token is None:
            raise forms.ValidationError(_("Only a link can expire."))
        if self.instance.token is not None and found.get("role") == Role.OWNER:
            raise forms.ValidationError(_("A link cannot make owners."))
        return found


class GrantFormSet(forms.BaseInlineFormSet):
    """All grants of a room, of which one stays an owner's."""

    def clean(self) -> None:
        super().clean()
        owners = sharing.owners_of(self.instance)
        # Those whom another page added since this one was made stay as they are.
        others = owners.exclude(pk__in=[form.instance.pk for form in self.initial_forms])
        kept = [form.cleaned_data for form in self.forms if form.is_valid()]
        stays = any(one.get("role") == Role.OWNER and not one.get("DELETE") for one in kept)
        if owners.exists() and not stays and not others.exists():
            raise forms.ValidationError(
                _("Somebody must own it: make another person an owner first.")
            )


class GrantInline(admin.TabularInline):
    model = Grant
    form = GrantForm
    formset = GrantFormSet
    extra = 0
    autocomplete_fields = ("user", "group")


@admin.register(Room)
class RoomAdmin(admin.ModelAdmin):
    list_display = ("__str__", "kind", "head", "epoch", "created_at")
    list_filter = ("kind",)
    readonly_fields = ("kind", "head", "epoch", "created_at")
    inlines = (GrantInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    list_display = ("name", "start", "user", "scope", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    list_filter = ("scope",)
    readonly_fields = ("start", "created_at", "last_used_at", "revoked_at")
    autocomplete_fields = ("user",)
    search_fields = ("name", "start", "user__username")
    actions = ("revoke",)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        """A key that was handed out keeps its scope: who has it must not be given more by it."""
        return self.readonly_fields if obj is None else (*self.readonly_fields, "scope")

    @admin.action(description=_("Revoke the chosen keys"))
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        keys.filter(revoked_at=None).update(revoked_at=timezone.now())

    def save_model(self, request: HttpRequest, obj: ApiKey, form: object, change: bool) -> None:
        """Issue a new key and show its secret, this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        issued, secret = ApiKey.issue(obj.user, obj.name, KeyScope(obj.scope))
        obj.pk = issued.pk
        messages.warning(request, _("The key, shown only now: %(key)s") % {"key": secret})
