"""What follows when a document is deleted, by whatever way."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, pre_delete
from django.dispatch import receiver

from collab.models import Room
from documents import attachments
from documents.models import Attachment, Document


@receiver(pre_delete, sender=Document)
def lock_room(sender: type[Document], instance: Document, **kwargs: Any) -> None:
    """Lock the room before the document's row, as uploads do: so neither waits for the other."""
    Room.objects.lock(instance.room_id)


@receiver(post_delete, sender=Document)
def delete_room(sender: type[Document], instance: Document, **kwargs: Any) -> None:
    """Delete the room with its log: nobody could enter it any more.

    Its grants go with it, which tells the processes to ask again; who missed that finds the room
    gone with the next comparison of heads. Open sockets are closed with 4404.
    """
    Room.objects.filter(pk=instance.room_id).delete()


@receiver(post_delete, sender=Attachment)
def delete_file(sender: type[Attachment], instance: Attachment, **kwargs: Any) -> None:
    """Delete the file with the last row that names it."""
    name = str(instance.file)
    transaction.on_commit(lambda: attachments.forget_file(name))
