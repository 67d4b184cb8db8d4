"""Keyset pages: the latest first, and a cursor that stays true while others edit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

_CURSOR = re.compile(r"(\d{1,18})\.([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, latest first; `after` is the cursor of the next page, None on the last."""

    rows: list[Any]
    after: str | None


def page_of(rows: QuerySet[Any], time: str, limit: int, cursor: str = "") -> Page:
    """Read a page of rows whose primary key is a UUID, in one query.

    Args:
        rows: All there are.
        time: The field that they are in order by, an aware datetime.
        limit: How many, at least 1.
        cursor: `after` of the page before; what is none begins at the top.
    """
    if (place := _place(cursor)) is not None:
        at, pk = place
        rows = rows.filter(Q(**{f"{time}__lt": at}) | Q(**{time: at}, pk__lt=pk))
    found = list(rows.order_by(f"-{time}", "-pk")[: limit + 1])
    if len(found) <= limit:
        return Page(found, None)
    last = found[limit - 1]
    return Page(found[:limit], f"{(getattr(last, time) - _EPOCH) // _MICROSECOND}.{last.pk.hex}")


def _place(cursor: str) -> tuple[datetime, UUID] | None:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        return None
    try:
        return _EPOCH + int(found[1]) * _MICROSECOND, UUID(found[2])
    except OverflowError:
        return None
