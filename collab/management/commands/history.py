"""`collab history OBJECT`: who wrote when; show a version, or restore it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from collab import access, history, versions
from collab.engine.errors import CollabError
from collab.management.named import shared_named, user_named
from collab.shared import SharedObject
from collab.versions import Shown, with_people

_LAST_SEQ = 2**63 - 1


class Command(BaseCommand):
    help = "List the versions of OBJECT (its id or URL), newest first; show or restore one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("shared", metavar="OBJECT", help="its id, or the address of its page")
        parser.add_argument("--show", type=int, metavar="SEQ", help="print the version SEQ")
        parser.add_argument(
            "--format",
            choices=("text", "markdown", "html", "json"),
            help="with --show: in which format (text, of a dashboard json)",
        )
        parser.add_argument("--restore", type=int, metavar="SEQ", help="restore the version SEQ")
        parser.add_argument(
            "--as", dest="user", metavar="USER", help="with --restore: whose edit it is"
        )

    def handle(
        self,
        *args: Any,
        shared: str,
        show: int | None,
        restore: int | None,
        user: str | None,
        format: str | None,
        **options: Any,
    ) -> None:
        found: SharedObject = shared_named(shared)
        if show is not None and restore is not None:
            raise CommandError("Use --show or --restore, not both.")
        try:
            if show is not None:
                self._show(found, _in_bounds(show), format)
            elif restore is not None:
                self._restore(found, _in_bounds(restore), user)
            else:
                self._list(found)
        except CollabError as error:
            raise CommandError(str(error)) from error

    def _list(self, shared: SharedObject) -> None:
        self.stdout.write(f"{'SEQ':>8}  {'TIME':16}  {'EDITS':>6}  AUTHOR, NAME")
        for entry, person in _all(shared):
            at = timezone.localtime(entry.ended_at).strftime("%Y-%m-%d %H:%M")
            who = "(all that was written before)" if entry.folded else person["name"]
            name = f"  “{entry.name}”" if entry.name else ""
            self.stdout.write(f"{entry.seq:>8}  {at:16}  {entry.edits:>6}  {who}{name}")

    def _show(self, shared: SharedObject, seq: int, format: str | None) -> None:
        kept = versions.of(type(shared))
        if format is not None and format not in kept.FORMATS:
            raise CommandError(
                f"A {shared.noun} is shown as {' or '.join(kept.FORMATS)}, not {format}."
            )
        self.stdout.write(kept.written(shared, seq, format or kept.FORMATS[0]))

    def _restore(self, shared: SharedObject, seq: int, name: str | None) -> None:
        if name is None:
            raise CommandError("Say whose edit it is: --as USER.")
        user = user_named(name)
        if not access.abilities(user, shared).write:
            raise CommandError(f"{name} may not write in “{shared}”.")
        restored = versions.of(type(shared)).restore(actor=user, shared=shared, seq=seq)
        if restored.before is None:
            self.stdout.write(f"“{shared}” is like version {seq} already.")
        else:
            self.stdout.write(
                f"Restored version {seq}. To undo it, restore version {restored.before}."
            )


def _in_bounds(seq: int) -> int:
    if not 0 < seq <= _LAST_SEQ:
        raise CommandError(f"There is no version {seq}.")
    return seq


def _all(shared: SharedObject) -> Iterator[tuple[history.Entry, dict[str, Any]]]:
    """Yield every version, newest first, a page at a time."""
    before: int | None = None
    while True:
        page = history.timeline(shared.room, before=before, limit=500)
        shown: list[Shown] = with_people(page.entries)
        yield from ((version.entry, version.person) for version in shown)
        before = page.before
        if before is None:
            return
