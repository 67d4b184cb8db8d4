"""`collab compact`: write snapshots, so that rooms open fast. Rows stay: they are the history."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import F, Q

from collab import conf, log
from collab.engine.errors import CollabError
from collab.models import Room


class Command(BaseCommand):
    help = "Write a snapshot of every room that has rows after its last one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--min-rows",
            type=int,
            default=1,
            help="leave out rooms with fewer rows after their snapshot (%(default)s)",
        )

    def handle(self, *args: Any, min_rows: int, **options: Any) -> None:
        limits = conf.room_limits().update
        behind = Room.objects.filter(
            Q(snapshot=None, head__gte=min_rows) | Q(head__gte=F("snapshot__seq") + min_rows)
        )
        written = pending = failed = 0
        for key in behind.order_by("pk").values_list("pk", flat=True).iterator():
            try:
                if log.compact(key, limits):
                    written += 1
                else:
                    pending += 1
            except CollabError as error:
                failed += 1
                self.stderr.write(f"room {key}: {error}")
        self.stdout.write(f"{written} snapshots written, {pending} rooms wait for a missing update")
        if failed:
            raise CommandError(f"{failed} rooms could not be read; their rows are untouched.")
