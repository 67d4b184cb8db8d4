"""Who of all processes does something: a row that one of them holds for a while."""

from __future__ import annotations

from uuid import uuid4

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q

from dashboards.store.models import Lease

PROCESS = uuid4().hex
"""This process, among all that share a database."""


def take(
    name: str,
    until_ms: int,
    now_ms: int,
    *,
    holder: str = PROCESS,
    renew: bool = True,
    using: str = DEFAULT_DB_ALIAS,
) -> bool:
    """Take a lease that nobody holds, or that is over.

    Args:
        name: What is done.
        until_ms: When it is over (Unix time).
        now_ms: The time.
        holder: Whose it is.
        renew: Whether one's own is prolonged; else it must be over, too.
        using: The database.

    Returns:
        Whether it is the holder's now.
    """
    free = Q(until_ms__lte=now_ms) | Q(holder=holder) if renew else Q(until_ms__lte=now_ms)
    leases = Lease.objects.using(using)
    if leases.filter(free, name=name).update(holder=holder, until_ms=until_ms):
        return True
    if leases.filter(name=name).exists():
        return False
    # Of two that make the row at once, one finds it made.
    made = Lease(name=name, holder=holder, until_ms=until_ms)
    leases.bulk_create([made], ignore_conflicts=True)
    return leases.filter(name=name, holder=holder, until_ms=until_ms).exists()


def give_back(name: str, *, holder: str = PROCESS, using: str = DEFAULT_DB_ALIAS) -> None:
    """End a lease before it is over."""
    Lease.objects.using(using).filter(name=name, holder=holder).update(until_ms=0)


def number(
    prefix: str, until_ms: int, now_ms: int, *, known: int | None, using: str = DEFAULT_DB_ALIAS
) -> int:
    """Hold the lowest number that no other process holds, so that names stay few over restarts.

    Args:
        prefix: Of the leases' names.
        until_ms: When it is over.
        now_ms: The time.
        known: The number that was held until now, if any.
        using: The database.
    """
    tried = 1
    while not take(f"{prefix}{tried}", until_ms, now_ms, using=using):
        tried += 1
    if known is not None and known != tried:
        give_back(f"{prefix}{known}", using=using)
    return tried
