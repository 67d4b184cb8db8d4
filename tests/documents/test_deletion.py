"""A deleted document leaves nothing behind, and nobody in it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from collab.models import Room, StoredUpdate
from collab.testing.peer import Peer
from collab.testing.servers import Site
from documents import actions
from documents.models import Document
from tests.documents.cast import Stage


@pytest.mark.django_db
@pytest.mark.parametrize("whole_query", [True, False])
def test_a_deleted_document_takes_its_log_along(whole_query: bool) -> None:
    """Room and rows go with the document, deleted alone or by a query."""
    document = actions.create_document(actor=User.objects.create_user("ada"), title="Gone")
    (Document.objects.all() if whole_query else document).delete()
    assert not Room.objects.exists()
    assert not StoredUpdate.objects.exists()


async def test_deleting_closes_open_sockets(site: Site) -> None:
    """Who has the document open learns that it is gone, also from another process's deletion."""
    key = site.key()
    document = site.create_document(key)
    ada = Peer(f"{site.ws_url}/ws/documents/{document}", key)
    await ada.connect()
    site.run(
        "shell",
        "-c",
        f"from documents.models import Document; Document.objects.get(pk='{document}').delete()",
    )
    assert await ada.until_closed() == 4404


# While another transaction has the room, as an upload has, one deletes and is seen to wait; then
# the document is restored in that transaction.
_RESTORED_MEANWHILE = """
import time
from threading import Thread
from django.contrib.auth.models import User
from django.db import connection, transaction
from collab.models import Room
from documents import actions
from documents.models import Document

alice = User.objects.get(username="alice")
document = actions.create_document(actor=alice, title="Wanted")
actions.trash(actor=alice, shared=document)
deleted = []
deleting = Thread(target=lambda: deleted.append(actions.delete(actor=alice, shared=document)))
# Not pg_stat_activity, which a transaction sees as it was at its first look.
waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
with transaction.atomic():
    Room.objects.select_for_update().get(pk=document.room_id)
    deleting.start()
    with connection.cursor() as cursor:
        end = time.monotonic() + 20
        while cursor.execute(waiting).fetchone() == (0,) and time.monotonic() < end:
            time.sleep(0.01)
    actions.restore(actor=alice, shared=document)
deleting.join()
print(deleted, Document.objects.alive().filter(pk=document.pk).exists())
"""


@pytest.mark.postgres
def test_deleting_waits_for_the_room_and_looks_again(postgres_stage: Stage) -> None:
    """What is restored before the deletion's turn stays, and neither is stopped as a deadlock."""
    done = postgres_stage.site.run("shell", "-v", "0", "-c", _RESTORED_MEANWHILE)
    assert done.stdout.splitlines()[-1] == "[False] True"
