"""The values that attributes of nodes and marks may have.

A program may write anything at all into a document, and every number comes back as a float: what
is read here is what the editor would have written, or the default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from collab.texts import whole
from documents.content.schema import MARKS, NODES

# HTML's own bound of colspan: a browser makes room for as many columns as it is told.
_MAX_SPAN = 1000
_MAX_NUMBER = 2**31 - 1
# Only the web and mail, as in the editor: `javascript:` and its like run in the reader's name.
_ADDRESS = re.compile(r"(https?|mailto):", re.IGNORECASE)
_FILE = re.compile(r"files/[A-Za-z0-9_-]{1,64}")

_Reader = Callable[[Any], Any]


def _number(low: int, high: int) -> _Reader:
    def read(value: Any) -> int | None:
        try:
            return min(max(int(value), low), high)
        except (TypeError, ValueError, OverflowError):
            return None

    return read


def _text(value: Any) -> str | None:
    return None if value is None else whole(str(value)) or None


def _one_of(*allowed: str) -> _Reader:
    return lambda value: value if isinstance(value, str) and value in allowed else None


def _truth(value: Any) -> bool:
    return value is True or value == "true"


def _widths(value: Any) -> list[int] | None:
    if not isinstance(value, (list, tuple)) or len(value) > _MAX_SPAN:
        return None
    widths = [_number(0, 10_000)(width) for width in value]
    return None if None in widths else widths


def _address(value: Any) -> str | None:
    text = whole(str(value or "")).strip()
    return text if _ADDRESS.match(text) else None


def _file(value: Any) -> str | None:
    return value if isinstance(value, str) and _FILE.fullmatch(value) else None


_CELL: Final[dict[str, _Reader]] = {
    "colspan": _number(1, _MAX_SPAN),
    "rowspan": _number(1, _MAX_SPAN),
    "colwidth": _widths,
    "align": _one_of("left", "center", "right"),
}
_NODES: Final[dict[str, dict[str, _Reader]]] = {
    "heading": {"level": _number(1, 3)},
    "codeBlock": {"language": _text},
    "orderedList": {"start": _number(0, _MAX_NUMBER), "type": _one_of("1", "a", "A", "i", "I")},
    "taskItem": {"checked": _truth},
    "tableCell": _CELL,
    "tableHeader": _CELL,
    "image": {
        "src": _file,
        "alt": _text,
        "title": _text,
        "width": _number(1, 100_000),
        "height": _number(1, 100_000),
    },
}
_MARKS: Final[dict[str, dict[str, _Reader]]] = {
    "link": {"href": _address, "target": _text, "rel": _text, "class": _text, "title": _text},
}
KNOWN: Final = {name: frozenset(readers) for name, readers in (_NODES | _MARKS).items()}


def given(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that are there, each with a value that the editor knows."""
    defaults = _defaults(name)
    readers = _readers(name)
    found = {}
    for key, default in defaults.items():
        if key in raw:
            value = readers[key](raw[key]) if key in readers else None
            found[key] = default if value is None else value
    return found


def filled(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return all attributes of a node or mark; those that are not there have their defaults."""
    return {**_defaults(name), **given(name, raw)}


def _defaults(name: str) -> Mapping[str, Any]:
    return NODES[name].attrs if name in NODES else MARKS[name]


def _readers(name: str) -> Mapping[str, _Reader]:
    return _NODES.get(name) or _MARKS.get(name) or {}
