"""Images of documents: who may add and see them, and what is no image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.test import Client
from PIL import Image

from collab import sharing
from collab.engine.errors import NoSuchRoom
from collab.models import Role
from documents import actions, attachments
from documents.models import Attachment, Document
from tests.documents.cast import Stage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _uploads(settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def document(alice: User) -> Document:
    """A document of Alice's."""
    return actions.create_document(actor=alice, title="Alice's")


def image(kind: str = "PNG", size: tuple[int, int] = (40, 30), color: str = "red") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, color).save(made, kind)
    return made.getvalue()


def browser_of(user: User | None) -> Client:
    browser = Client()
    if user is not None:
        browser.force_login(user)
    return browser


def post(browser: Client, document: Document, data: bytes, name: str = "a.png") -> Any:
    file = SimpleUploadedFile(name, data, "image/png")
    return browser.post(f"/api/documents/{document.pk}/files", {"file": file})


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_image_comes_back_as_it_was_added(alice: User, document: Document, kind: str) -> None:
    """Its type is told by its bytes, not by the name it was sent with."""
    browser, data = browser_of(alice), image(kind)
    answer = post(browser, document, data, "picture.txt")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["width"], made["height"], made["bytes"]) == (40, 30, len(data))
    shown = browser.get(f"/documents/{document.pk}/{made['src']}")
    assert shown.content == data
    assert shown["Content-Type"] == f"image/{kind.lower()}"
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown["Content-Security-Policy"]
    again = browser.get(
        f"/documents/{document.pk}/{made['src']}", headers={"If-None-Match": shown["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><script>alert(1)</script></html>", image()[:40], image("GIF")[:9],
        b"BM" + bytes(60),
    ],
    ids=["empty", "text", "svg", "html", "torn", "torn gif", "bmp"],
)  # fmt: skip
def test_what_is_no_image_is_refused(
    alice: User, document: Document, data: bytes, settings: LazySettings
) -> None:
    """It is answered with 415 or 422 and a sentence, and nothing is kept."""
    answer = post(browser_of(alice), document, data)
    assert answer.status_code in (415, 422)
    assert answer.json()["error"]["message"]
    assert not Attachment.objects.exists()
    assert files_in(Path(settings.MEDIA_ROOT)) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("COLLAB_IMAGE_BYTES", 1024),
        ("COLLAB_IMAGE_PIXELS", 100),
        ("COLLAB_DOCUMENT_FILES_BYTES", 9),
    ],
)
def test_image_beyond_a_bound_is_refused(
    alice: User, document: Document, settings: LazySettings, setting: str, value: int
) -> None:
    """Too many bytes, too many pixels, no room left: 413, and nothing is kept."""
    setattr(settings, setting, value)
    data = image(size=(60, 60)) + bytes(2000)
    assert post(browser_of(alice), document, data).status_code == 413
    assert files_in(Path(settings.MEDIA_ROOT)) == []


def test_image_is_there_for_whom_its_document_is(alice: User, document: Document) -> None:
    """Readers see it and add none; others find nothing; under another document there is none."""
    rita, charlie = User.objects.create_user("rita"), User.objects.create_user("charlie")
    sharing.grant(document.room, rita, Role.READER)
    src = post(browser_of(alice), document, image()).json()["src"]
    address = f"/documents/{document.pk}/{src}"
    assert browser_of(rita).get(address).status_code == 200
    assert post(browser_of(rita), document, image()).status_code == 403
    assert browser_of(charlie).get(address).status_code == 404
    assert post(browser_of(charlie), document, image()).status_code == 404
    assert browser_of(None).get(address).status_code == 302
    assert post(browser_of(None), document, image()).status_code == 401
    other = actions.create_document(actor=charlie)
    assert browser_of(charlie).get(f"/documents/{other.pk}/{src}").status_code == 404


@pytest.mark.postgres
@pytest.mark.parametrize("key", ["%00", "a%00b", "%0A", "%ED%A0%80", "none"])
def test_image_that_cannot_be_is_not_found(postgres_stage: Stage, key: str) -> None:
    """Also under a name that PostgreSQL does not even look for."""
    with postgres_stage.browser(postgres_stage.alice) as browser:
        page = f"/documents/{postgres_stage.document()}/"
        assert browser.get(page).status_code == 200
        assert browser.get(f"{page}files/{key}").status_code == 404


@pytest.mark.parametrize("fate", ["trash", "delete"])
def test_image_for_what_is_gone_is_not_kept(
    alice: User, document: Document, settings: LazySettings, fate: str
) -> None:
    """The document was there when the upload began."""
    actions.trash(actor=alice, shared=document)
    if fate == "delete":
        actions.delete(actor=alice, shared=Document.objects.get())
    with pytest.raises(NoSuchRoom):
        attachments.add(actor=alice, document=document, data=image())
    assert files_in(Path(settings.MEDIA_ROOT)) == []


def test_image_that_cannot_be_noted_leaves_no_file(
    alice: User, document: Document, settings: LazySettings
) -> None:
    """Whatever the database has against its row."""
    Attachment.objects.create(
        document=document, key="same", file="files/x", size_bytes=1, width=1, height=1
    )
    with (
        mock.patch("documents.attachments.secrets.token_urlsafe", return_value="same"),
        pytest.raises(IntegrityError),
    ):
        attachments.add(actor=alice, document=document, data=image())
    assert files_in(Path(settings.MEDIA_ROOT)) == []


def test_image_stays_while_a_copy_shows_it(
    alice: User, document: Document, settings: LazySettings, django_capture_on_commit_callbacks: Any
) -> None:
    """A file is stored once for all that show it, and goes with the last of them."""
    src = post(browser_of(alice), document, image()).json()["src"]
    post(browser_of(alice), document, image())
    copy = actions.create_document(actor=alice)
    attachments.copy(source=document, target=copy, keys={src.removeprefix("files/")})
    with django_capture_on_commit_callbacks(execute=True):
        document.delete()
    assert len(files_in(Path(settings.MEDIA_ROOT))) == 1
    assert browser_of(alice).get(f"/documents/{copy.pk}/{src}").content == image()
    with django_capture_on_commit_callbacks(execute=True):
        copy.delete()
    assert files_in(Path(settings.MEDIA_ROOT)) == []
