"""`collab history DOCUMENT`: who wrote when; show a version, or restore it."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from collab import access, history
from collab.engine.errors import CollabError
from collab.versions import Shown, with_people
from documents import versions
from documents.management.named import document_named, user_named
from documents.models import Document

_LAST_SEQ = 2**63 - 1


class Command(BaseCommand):
    help = "List the versions of DOCUMENT (its id or URL), newest first; show or restore one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("document", help="the document's id, or the address of its page")
        parser.add_argument("--show", type=int, metavar="SEQ", help="print the version SEQ")
        parser.add_argument(
            "--format",
            choices=("text", "markdown", "html"),
            default="text",
            help="with --show: in which format (%(default)s)",
        )
        parser.add_argument("--restore", type=int, metavar="SEQ", help="restore the version SEQ")
        parser.add_argument(
            "--as", dest="user", metavar="USER", help="with --restore: whose edit it is"
        )

    def handle(
        self,
        *args: Any,
        document: str,
        show: int | None,
        restore: int | None,
        user: str | None,
        format: str,
        **options: Any,
    ) -> None:
        found = document_named(document)
        if show is not None and restore is not None:
            raise CommandError("Use --show or --restore, not both.")
        try:
            if show is not None:
                self.stdout.write(versions.written(found, _in_bounds(show), format))
            elif restore is not None:
                self._restore(found, _in_bounds(restore), user)
            else:
                self._list(found)
        except CollabError as error:
            raise CommandError(str(error)) from error

    def _list(self, document: Document) -> None:
        self.stdout.write(f"{'SEQ':>8}  {'TIME':16}  {'EDITS':>6}  AUTHOR, NAME")
        for entry, person in _all(document):
            at = timezone.localtime(entry.ended_at).strftime("%Y-%m-%d %H:%M")
            who = "(all that was written before)" if entry.folded else person["name"]
            name = f"  “{entry.name}”" if entry.name else ""
            self.stdout.write(f"{entry.seq:>8}  {at:16}  {entry.edits:>6}  {who}{name}")

    def _restore(self, document: Document, seq: int, name: str | None) -> None:
        if name is None:
            raise CommandError("Say whose edit it is: --as USER.")
        user = user_named(name)
        if not access.abilities(user, document).write:
            raise CommandError(f"{name} may not write in “{document}”.")
        restored = versions.restore(actor=user, shared=document, seq=seq)
        if restored.before is None:
            self.stdout.write(f"“{document}” is like version {seq} already.")
        else:
            self.stdout.write(
                f"Restored version {seq}. To undo it, restore version {restored.before}."
            )


def _in_bounds(seq: int) -> int:
    if not 0 < seq <= _LAST_SEQ:
        raise CommandError(f"There is no version {seq}.")
    return seq


def _all(document: Document) -> Iterator[tuple[history.Entry, dict[str, Any]]]:
    """Yield every version, newest first, a page at a time."""
    before: int | None = None
    while True:
        page = history.timeline(document.room, before=before, limit=500)
        shown: list[Shown] = with_people(page.entries)
        yield from ((version.entry, version.person) for version in shown)
        before = page.before
        if before is None:
            return
