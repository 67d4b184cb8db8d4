"""`collab compact`: write snapshots, so that rooms open fast, and fold rows that are too old.

Without `COLLAB_HISTORY_DAYS` all rows stay: they are the history.
"""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import F, Q
from django.utils import timezone

from collab import conf, log
from collab.engine.errors import CollabError
from collab.models import Room


class Command(BaseCommand):
    help = (
        "Write a snapshot of every room that has rows after its last one, and fold rows older"
        " than COLLAB_HISTORY_DAYS."
    )

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
        failed += self._fold(conf.get("HISTORY_DAYS"))
        if failed:
            raise CommandError(f"{failed} rooms could not be read; their rows are untouched.")

    def _fold(self, days: int) -> int:
        """Fold what is older than this many days; 0: nothing. Returns how many rooms failed."""
        if not days:
            return 0
        old = timezone.now() - timedelta(days=days)
        limits = conf.room_limits().update
        gone = failed = 0
        longer = Room.objects.filter(head__gt=F("floor"), created_at__lt=old).order_by("pk")
        for key in longer.values_list("pk", flat=True).iterator():
            try:
                gone += log.fold(key, old, limits)
            except CollabError as error:
                failed += 1
                self.stderr.write(f"room {key}: {error}")
        self.stdout.write(f"{gone} rows older than {days} days folded")
        return failed
