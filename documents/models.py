"""A document: what is kept beside its live content, which is in its room."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from collab.models import Room
from collab.shared import SharedObject, SharedQuerySet, SharedVisit


class DocumentQuerySet(SharedQuerySet["Document"]):
    """Documents."""


class Document(SharedObject):
    """A live document. Its text and title are in the room; `title` mirrors the title for lists."""

    KIND = "document"
    PAGES = "documents"
    VERSIONS = "documents.versions"

    class Kind(models.TextChoices):
        """What the room's `body` is: an `XmlFragment` that Tiptap edits, or a plain `Text`."""

        RICH = "rich", _("Document")
        TEXT = "text", _("Text or code")

    room = models.OneToOneField(Room, models.CASCADE, related_name="document", editable=False)
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, default=Kind.RICH, db_default="rich"
    )
    # The newest editor schema that a page has edited it with; older pages would delete what they
    # do not know.
    schema = models.PositiveSmallIntegerField(_("schema"), default=1, db_default=1, editable=False)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    @property
    def icon(self) -> str:
        return "code" if self.kind == self.Kind.TEXT else "page"


class Visit(SharedVisit):
    """When somebody last opened a document."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="visits", db_index=False)

    class Meta(SharedVisit.Meta):
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
