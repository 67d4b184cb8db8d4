"""Series and their numbers in the database: written once, rolled up, kept for a while."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboards.store.orm import OrmMetricStore


@cache
def current() -> OrmMetricStore:
    """Return this process's store, on Django's default database."""
    from dashboards.store.orm import OrmMetricStore

    return OrmMetricStore()
