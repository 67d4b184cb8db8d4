"""Management commands on what a site may have in its database."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from collab import log
from collab.engine.errors import LogUnavailable, UpdateRejected
from collab.models import Room, Snapshot
from documents import actions

pytestmark = pytest.mark.django_db


def compact(*arguments: str) -> str:
    out = io.StringIO()
    call_command("compact", *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def rooms() -> list[Room]:
    """Three rooms with a row each, and an empty one."""
    ann = User.objects.create_user("ann")
    return [actions.create_document(actor=ann, title=title).room for title in ("a", "b", "c", "")]


def test_compact_leaves_out_rooms_without_new_rows(rooms: list[Room]) -> None:
    """An empty room needs no snapshot, and one that is up to date no other."""
    assert compact().startswith("3 snapshots written")
    assert set(Snapshot.objects.values_list("room_id", flat=True)) == {r.pk for r in rooms[:3]}
    assert compact().startswith("0 snapshots written")
    Snapshot.objects.filter(room=rooms[0]).delete()
    assert compact("--min-rows", "2").startswith("0 snapshots written")


@pytest.mark.parametrize(
    "error", [UpdateRejected("It cannot be read."), LogUnavailable("The database is away.")]
)
def test_compact_names_rooms_that_fail_and_goes_on(
    rooms: list[Room], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """One bad room holds up no other; the exit status says that there was one."""
    original = log.compact

    def failing(key: int, *rest: Any) -> bool:
        if key == rooms[0].pk:
            raise error
        return original(key, *rest)

    monkeypatch.setattr(log, "compact", failing)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 rooms could not be read; their rows are untouched"):
        call_command("compact", stdout=out, stderr=out)
    assert f"room {rooms[0].pk}: {error}" in out.getvalue()
    assert "2 snapshots written" in out.getvalue()
