"""A deleted document leaves nothing behind, and nobody in it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from collab.models import Room, StoredUpdate
from documents import actions
from documents.models import Document
from tests.support.peers import SocketPeer
from tests.support.servers import Site


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
    ada = SocketPeer(f"{site.ws_url}/ws/documents/{document}", key)
    await ada.connect()
    site.run(
        "shell",
        "-c",
        f"from documents.models import Document; Document.objects.get(pk='{document}').delete()",
    )
    assert await ada.until_closed() == 4404
