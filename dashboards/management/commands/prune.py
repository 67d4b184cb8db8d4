"""`collab prune`: roll numbers up, and delete those that are too old. A running site does, too."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from dashboards import store
from dashboards.store.pruning import Pruner
from dashboards.store.rolling import Roller


class Command(BaseCommand):
    help = "Roll numbers up, and delete those that are older than they are kept."

    def handle(self, *args: Any, **options: Any) -> None:
        current = store.current()
        # What is deleted is rolled up before, unless the site itself does it at this moment.
        Roller(current).run()
        pruned = Pruner(current).run()
        self.stdout.write(
            f"{pruned.rows} rows, {pruned.parts} partitions and {pruned.series} series deleted"
        )
