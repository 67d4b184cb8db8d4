"""`collab history` and `collab compact` on a document's history."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from collab import history
from collab.models import Room, StoredUpdate
from tests.documents.test_versions import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """Alice's document, in which Bob wrote after her."""
    one = Desk()
    one.write("alice", "# One", title="Plan")
    one.write("bob", "# Two", title="Plan")
    return one


def run(command: str, *arguments: object, **options: Any) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def test_history_lists_versions_newest_first(desk: Desk) -> None:
    """Seq, time, number of edits, author and name, also of more than a page."""
    history.name_version(actor=None, room=desk.document.room, seq=2, name="First")
    lines = run("history", desk.document.pk).splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["3", "2"]
    assert lines[0].endswith("Bob")
    assert lines[1].endswith("Alice  “First”")
    url = f"http://localhost{desk.document.get_absolute_url()}"
    assert run("history", url) == run("history", desk.document.pk)


def test_history_shows_a_version(desk: Desk) -> None:
    """As text, Markdown or HTML."""
    assert run("history", desk.document.pk, "--show", 2) == "One\n"
    assert run("history", desk.document.pk, "--show", 2, format="markdown") == "# One\n"
    assert run("history", desk.document.pk, "--show", 2, format="html") == "<h1>One</h1>\n"


def test_history_restores_a_version_as_somebody(desk: Desk) -> None:
    """It says how to undo it."""
    said = run("history", desk.document.pk, "--restore", 2, user="bob")
    assert said == "Restored version 2. To undo it, restore version 3.\n"
    assert desk.text() == "One"
    again = run("history", desk.document.pk, "--restore", 2, user="bob")
    assert again.endswith("is like version 2 already.\n")


@pytest.mark.parametrize(
    ("arguments", "user", "problem"),
    [
        (["--show", "99"], None, "There is no such version"),
        (["--show", "-1"], None, "There is no version -1"),
        (["--show", str(10**30)], None, "There is no version 1000"),
        (["--restore", "2"], None, "Say whose edit it is"),
        (["--restore", "2"], "nemo", "There is no user 'nemo'"),
        (["--restore", "2"], "rita", "rita may not write"),
        (["--restore", "2", "--show", "2"], "bob", "not both"),
    ],
)
def test_history_says_what_is_wrong(
    desk: Desk, arguments: list[str], user: str | None, problem: str
) -> None:
    """And changes nothing."""
    with pytest.raises(CommandError, match=problem):
        run("history", desk.document.pk, *arguments, user=user)
    assert desk.text() == "Two"


def test_history_of_no_document_says_so(desk: Desk) -> None:
    """Neither a number nor an unknown id is one."""
    with pytest.raises(CommandError, match="no id or address of a document"):
        run("history", "12")
    with pytest.raises(CommandError, match="There is no document"):
        run("history", "00000000-0000-0000-0000-000000000000")


def test_compact_folds_what_is_older_than_the_setting(desk: Desk, settings: Any) -> None:
    """Without the setting all is kept; with it old edits are one version, the text as it was."""
    old = StoredUpdate.objects.filter(room_id=desk.document.room_id, seq__lte=2)
    old.update(created_at=timezone.now() - timedelta(days=40))
    Room.objects.update(created_at=timezone.now() - timedelta(days=50))
    assert "folded" not in run("compact")
    assert len(run("history", desk.document.pk).splitlines()) == 3
    settings.COLLAB_HISTORY_DAYS = 30
    assert "1 rows older than 30 days folded" in run("compact")
    assert "(all that was written before)" in run("history", desk.document.pk)
    assert run("history", desk.document.pk, "--show", 2) == "One\n"
    assert desk.text() == "Two"
    with pytest.raises(CommandError, match="no longer kept"):
        run("history", desk.document.pk, "--show", 1)
