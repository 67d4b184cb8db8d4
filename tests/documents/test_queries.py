"""What each page and list asks the database: as often for a large document as for a small one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from collab import edits, history, sharing
from collab.models import Role
from documents import actions, content
from documents.content import rewrite
from documents.models import Document

Kind = Document.Kind
MANY = 12

# By name: the address, the kind of document, and how many queries. Four are of each document: the
# session, the user, the document with its room, and the user's grants in it.
PAGES = {
    "home": ("/?view=owned", Kind.RICH, 5),
    "editor": ("/documents/{id}/", Kind.RICH, 8),
    "editor of text": ("/documents/{id}/", Kind.TEXT, 8),
    "read": ("/documents/{id}/read/", Kind.RICH, 11),
    "read text": ("/documents/{id}/read/", Kind.TEXT, 11),
    "versions": ("/documents/{id}/versions/", Kind.RICH, 7),
    "version": ("/documents/{id}/versions/?seq=2", Kind.RICH, 15),
    "version now": ("/documents/{id}/versions/?seq=now", Kind.RICH, 10),
    "comparison": ("/documents/{id}/versions/?seq=2&against=1", Kind.RICH, 19),
    "share": ("/documents/{id}/share/", Kind.RICH, 7),
}
API = {
    "api list": ("/api/documents", Kind.RICH, 4),
    "api document": ("/api/documents/{id}", Kind.RICH, 4),
    "api grants": ("/api/documents/{id}/grants", Kind.RICH, 5),
    "api versions": ("/api/documents/{id}/versions", Kind.RICH, 7),
}


@pytest.fixture
def alice() -> User:
    """An owner, who is in a group, too."""
    one = User.objects.create_user("alice", first_name="Alice")
    one.groups.add(Group.objects.create(name="crew"))
    return one


def write(document: Document, author: User, words: str) -> None:
    """Store an edit, and name the version that it ends."""
    is_text = document.kind == Kind.TEXT
    tree = {"type": "text", "text": words} if is_text else content.parse_markdown(words)
    edits.edit(document.room_id, author.pk, lambda state: rewrite.edit(state, tree, document.kind))
    history.name_version(actor=author, room=document.room, name=words)


def grow(document: Document, owner: User) -> None:
    """Share a document with many, let them write versions, and give its owner more documents."""
    for n in range(MANY):
        author = User.objects.create_user(f"author {n}")
        sharing.grant(document.room, author, Role.EDITOR)
        group = Group.objects.create(name=f"group {n}")
        owner.groups.add(group)
        if n % 2:
            sharing.grant_group(document.room, group, Role.READER)
        sharing.create_link(document.room, Role.READER)
        write(document, author, f"words {n}")
        actions.create_document(actor=owner, title=f"Document {n}")


@pytest.mark.django_db
@pytest.mark.parametrize("name", PAGES)
def test_each_page_asks_a_fixed_number_of_queries(
    alice: User, name: str, django_assert_num_queries: Callable[..., Any]
) -> None:
    """One grant and one version, or a dozen and more of each."""
    hold(alice, *PAGES[name], django_assert_num_queries)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", API)
def test_each_list_asks_a_fixed_number_of_queries(
    alice: User, name: str, django_assert_num_queries: Callable[..., Any]
) -> None:
    """Lists of the API as well; each request of theirs opens a connection of its own."""
    hold(alice, *API[name], django_assert_num_queries)


def hold(alice: User, address: str, kind: str, queries: int, exactly: Callable[..., Any]) -> None:
    """Count an address's queries for a small document, and for the same one when it is large."""
    document = actions.create_document(actor=alice, title="Plan", kind=kind)
    write(document, alice, "first words")
    browser = Client()
    browser.force_login(alice)
    path = address.format(id=document.pk)
    # The first visit is noted in a row that is new, the others in the same.
    browser.get(f"/documents/{document.pk}/")
    with exactly(queries):
        assert browser.get(path).status_code == 200
    grow(document, alice)
    with exactly(queries):
        assert browser.get(path).status_code == 200
