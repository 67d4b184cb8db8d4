"""Every address that the site has, and what each takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.test import Client
from django.urls import URLResolver, get_resolver

_ID = "00000000-0000-0000-0000-00000000d0c1"
STAND_INS = {
    "document_id": _ID, "dashboard_id": _ID, "grant_id": 1, "seq": 1, "key": "key",
    "token": "token", "uidb64": "MQ", "panel_id": "panel00000", "panel": "panel00000",
    "name": "cpu", "label": "host", "grouping": "job/tests",
}  # fmt: skip


def addresses(patterns: Iterable[Any] | None = None, start: str = "/") -> Iterator[str]:
    """Yield the address of every view there is, with the names of its parts in braces."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        address = start + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        else:
            yield address


def methods_of(address: str) -> set[str]:
    """Return what an address takes; HEAD and OPTIONS say nothing that GET does not."""
    answer = Client().options(address.format(**STAND_INS))
    allowed = answer.headers.get("Allow", "ANY").split(", ")
    return set(allowed) - {"HEAD", "OPTIONS"}
