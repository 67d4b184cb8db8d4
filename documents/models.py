"""A document: what is kept beside its live content, which is in its room."""

from __future__ import annotations

import uuid
from typing import Self

from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collab.models import Grant, Room


class DocumentQuerySet(models.QuerySet["Document"]):
    def shared_with(self, user: AbstractBaseUser) -> Self:
        """Documents that a user has a role in, with that role as `role`, latest edit first."""
        roles = Grant.objects.filter(room_id=OuterRef("room_id"), user_id=user.pk)
        return (
            self.filter(room__grants__user=user)
            .annotate(role=Subquery(roles.values("role")[:1]))
            .order_by("-updated_at")
        )


class Document(models.Model):
    """A live document. Its text and title are in the room; `title` mirrors the title for lists."""

    KIND = "document"
    TITLE_LENGTH = 300

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    room = models.OneToOneField(Room, models.CASCADE, related_name="document", editable=False)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, db_index=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return self.title or str(_("Untitled"))

    def get_absolute_url(self) -> str:
        return reverse("documents:detail", args=[self.pk])
