"""A document: what is kept beside its live content, which is in its room."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, FilteredRelation, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collab import access
from collab.access import Abilities
from collab.models import Grant, Role, Room


def _rooms_of(user: Any, condition: Q) -> Any:
    return Grant.objects.filter(access.grants_of(user), condition).values("room_id")


class DocumentQuerySet(models.QuerySet["Document"]):
    def seen_by(self, user: Any, pk: uuid.UUID) -> tuple[Document | None, Abilities]:
        """Find a document with its room, and what a user may do to it: two queries.

        Without the ability to read it may be there all the same, which nobody else is to be told.
        """
        found = self.select_related("room").filter(pk=pk).first()
        return found, access.NOTHING if found is None else access.abilities(user, found)

    def alive(self) -> Self:
        """Documents that are not in the trash."""
        return self.filter(trashed_at=None)

    def shared_with(self, user: Any) -> Self:
        """Documents that a user may see, latest edit first; see `access.grants_of`."""
        rooms = Grant.objects.filter(access.grants_of(user)).values("room_id")
        return self.alive().filter(room_id__in=rooms).order_by("-updated_at")

    def trashed(self) -> Self:
        """Documents that are in the trash."""
        return self.filter(trashed_at__isnull=False)

    def owned_by(self, user: Any) -> Self:
        """Documents that a user owns, alone or with others, also through a group."""
        return self.filter(room_id__in=_rooms_of(user, Q(role=Role.OWNER)))

    def lent_to(self, user: Any) -> Self:
        """Documents that others own and gave to a user or their groups; not by a link."""
        lent = _rooms_of(user, Q(token__isnull=True))
        owned = _rooms_of(user, Q(role=Role.OWNER))
        return self.filter(room_id__in=lent).exclude(room_id__in=owned)

    def visited_by(self, user: Any) -> Self:
        """Documents that a user opened and may still see; `listed_at` is when they last did."""
        return (
            self.shared_with(user)
            .alias(visit=FilteredRelation("visits", condition=Q(visits__user=user.pk)))
            .filter(visit__isnull=False)
            .listed_by("visit__visited_at")
        )

    def listed_by(self, field: str) -> Self:
        """Annotate `listed_at`, the time that a list of them is in order by."""
        return self.annotate(listed_at=F(field))


class Document(models.Model):
    """A live document. Its text and title are in the room; `title` mirrors the title for lists."""

    KIND = "document"
    TITLE_LENGTH = 300

    class Kind(models.TextChoices):
        """What the room's `body` is: an `XmlFragment` that Tiptap edits, or a plain `Text`."""

        RICH = "rich", _("Document")
        TEXT = "text", _("Text or code")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    room = models.OneToOneField(Room, models.CASCADE, related_name="document", editable=False)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, db_index=True)
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, default=Kind.RICH, db_default="rich"
    )
    # The newest editor schema that a page has edited it with; older pages would delete what they
    # do not know.
    schema = models.PositiveSmallIntegerField(_("schema"), default=1, db_default=1, editable=False)
    trashed_at = models.DateTimeField(
        _("moved to trash at"), null=True, blank=True, editable=False, db_index=True
    )

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return self.title or str(_("Untitled"))

    def get_absolute_url(self) -> str:
        return reverse("documents:detail", args=[self.pk])


class Visit(models.Model):
    """When somebody last opened a document."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    document = models.ForeignKey(Document, models.CASCADE, related_name="visits", db_index=False)
    visited_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        constraints = (
            models.UniqueConstraint(fields=("document", "user"), name="documents_visit_once"),
        )
        indexes = (models.Index(fields=("user", "-visited_at"), name="documents_visit_latest"),)

    def __str__(self) -> str:
        return f"{self.user} in {self.document}"


class Attachment(models.Model):
    """An image in a document: `files/<key>` under the document's address.

    Copies of a document have rows of their own for the same file, which is stored once, under the
    hash of its bytes.
    """

    document = models.ForeignKey(
        Document, models.CASCADE, related_name="attachments", db_index=False
    )
    key = models.CharField(max_length=64)
    file = models.FileField(upload_to="files/", max_length=200)
    content_type = models.CharField(max_length=50)
    size_bytes = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        constraints = (
            models.UniqueConstraint(fields=("document", "key"), name="documents_attachment_once"),
        )

    def __str__(self) -> str:
        return f"files/{self.key}"
