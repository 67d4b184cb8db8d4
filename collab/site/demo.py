"""The demo: two people and a document that they share."""

from __future__ import annotations

from typing import Any

import pycrdt
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from collab import sharing
from collab.models import Role
from collab.site.login import login_path
from documents import actions
from documents.content import BODY, TITLE

NAMES = (("ada", "Ada", "Lovelace"), ("bob", "Bob", "Kahn"))


def seed() -> None:
    """Make the demo users and document on a site that has nobody yet."""
    users = get_user_model()._default_manager
    with transaction.atomic():
        if users.exists():
            return
        ada, bob = (
            users.create_user(username=name, first_name=first, last_name=last)
            for name, first, last in NAMES
        )
        document = actions.create_document(actor=ada, title="Welcome to Collab", content=welcome())
        sharing.grant(document.room, bob, Role.EDITOR)


def login_links() -> list[tuple[str, str]]:
    """Return (first name, path) for each demo user that is still there and has no password."""
    names = [name for name, _, _ in NAMES]
    try:
        users = list(User.objects.filter(username__in=names, is_active=True).order_by("username"))
    except DatabaseError:
        return []
    return [(user.first_name, login_path(user)) for user in users if not user.has_usable_password()]


def welcome() -> bytes:
    """Return the demo document as a Yjs update."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc[TITLE] = pycrdt.Text("Welcome to Collab")
    doc[BODY] = body = pycrdt.XmlFragment()
    with doc.transaction():
        _text(body, "heading", "Write together", level=1)
        paragraph = _text(
            body, "paragraph", "Open this page in a second browser with the other login link. "
        )
        _append(paragraph, "Both of you can type", bold={})
        _append(
            paragraph, " in the same paragraph at the same time, and each sees the other’s cursor."
        )
        _text(body, "heading", "Nothing marked “Saved” is ever lost", level=2)
        _text(
            body,
            "paragraph",
            "The line above says Saved only once your words are in the database. Stop the server, "
            "keep typing, start it again: what you wrote meanwhile is merged.",
        )
        tasks = _element(body, "taskList")
        for done, text in (
            (True, "Start Collab with one command"),
            (False, "Open the other login link in a private window"),
            (False, "Kill the server while both of you type"),
        ):
            _text(_element(tasks, "taskItem", checked=done), "paragraph", text)
        _text(
            _element(body, "blockquote"),
            "paragraph",
            "Cost follows people, not people times people.",
        )
    return doc.get_update()


def _element(
    parent: pycrdt.XmlFragment | pycrdt.XmlElement, tag: str, **attributes: Any
) -> pycrdt.XmlElement:
    element = pycrdt.XmlElement(tag, attributes)
    parent.children.append(element)
    return element


def _text(
    parent: pycrdt.XmlFragment | pycrdt.XmlElement, tag: str, text: str, **attributes: object
) -> pycrdt.XmlText:
    inside = pycrdt.XmlText(text)
    _element(parent, tag, **attributes).children.append(inside)
    return inside


def _append(text: pycrdt.XmlText, more: str, **marks: object) -> None:
    text.insert(len(text), more, marks)
