"""What follows when a document or an attachment is deleted, by whatever way."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete
from django.dispatch import receiver

from collab.signals import own_rooms
from documents import attachments
from documents.models import Attachment, Document

own_rooms(Document)


@receiver(post_delete, sender=Attachment)
def delete_file(sender: type[Attachment], instance: Attachment, **kwargs: Any) -> None:
    """Delete the file with the last row that names it."""
    name = str(instance.file)
    transaction.on_commit(lambda: attachments.forget_file(name))
