"""Structural check of what a struct of an update holds: text, values, formats, shared types."""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Final

from collab.engine.errors import UpdateRejected
from collab.engine.scan import (
    MAX_SAFE_INTEGER,
    Scan,
    read_count,
    read_name,
    read_span,
    read_varuint,
    utf16_length,
)


def read_text(scan: Scan, start: int, end: int) -> int:
    """Return the length of text that is not plain ASCII or reaches past the end."""
    if end > scan.size:
        raise UpdateRejected("the update is truncated", offset=scan.size)
    return utf16_length(scan.data, start, end)


def read_single(scan: Scan, pos: int, at: int, ref: int) -> int:
    """Read content that counts as one element."""
    if ref == 7:
        return _type(scan, pos)
    if ref == 6:
        return _json(scan, read_name(scan, pos))
    if ref == 5:
        return _json(scan, pos)
    if ref == 3:
        return read_span(scan, pos)[1]
    if ref == 2:
        # Yjs writes these for documents of before 2020 only; yrs reads one string too many.
        raise UpdateRejected("content of the oldest kind (JSON list) is not supported", offset=at)
    if ref == 9:
        raise UpdateRejected("documents inside documents are not supported", offset=at)
    raise UpdateRejected("a struct is of an unknown kind", offset=at)


def _type(scan: Scan, pos: int) -> int:
    """Read a shared type: 0 array, 1 map, 2 text, 3 element, 4 fragment, 6 XML text.

    5 is an XML hook, whose name yrs does not read; 7 and up are yrs's alone.
    """
    kind = scan.data[pos]
    if kind == 3:
        return read_name(scan, pos + 1)
    if kind > 6 or kind == 5:
        raise UpdateRejected("a shared type is of an unknown kind", offset=pos)
    return pos + 1


def read_values(scan: Scan, pos: int) -> tuple[int, int]:
    """Read a list of lib0 `any` values without recursion; return its length and its end.

    An object is a count of key-value pairs, an array a count of values; see lib0 `readAny`.
    """
    data = scan.data
    length, pos = _values(scan, pos)
    left, keyed = length, False
    outer: list[tuple[int, bool]] = []
    while True:
        while not left:
            if not outer:
                return length, pos
            left, keyed = outer.pop()
        left -= 1
        if keyed:
            pos = _key(scan, pos)
        tag = data[pos]
        pos += 1
        if tag == 119:
            start, pos = read_span(scan, pos)
            utf16_length(data, start, pos)
        elif tag == 125:
            pos = _varint(data, pos)
        elif tag == 118 or tag == 117:
            outer.append((left, keyed))
            if len(outer) >= scan.limits.depth:
                raise UpdateRejected(f"values nest deeper than {scan.limits.depth}", offset=pos)
            left, pos = _values(scan, pos)
            keyed = tag == 118
        elif tag == 116:
            pos = read_span(scan, pos)[1]
        elif 122 <= tag <= 124:
            pos += 4 if tag == 124 else 8
        elif tag not in _ANY_CONSTANTS:
            raise UpdateRejected("a value is of an unknown kind", offset=pos - 1)


_ANY_CONSTANTS: Final = frozenset({120, 121, 126, 127})
"""true, false, null, undefined."""


def _values(scan: Scan, pos: int) -> tuple[int, int]:
    """Read how many values follow, and count them."""
    count, end = read_count(scan, pos, 1, scan.limits.values - scan.values, "values")
    scan.values += count
    return count, end


def _key(scan: Scan, pos: int) -> int:
    """Read a key of an object."""
    end = read_name(scan, pos)
    if scan.data.endswith(b"\x09__proto__", pos, end):
        # lib0 would set the object's prototype where yrs sets a key.
        raise UpdateRejected("a key is named __proto__", offset=pos)
    return end


def _varint(data: bytes, pos: int) -> int:
    """Read a signed number: sign in bit 6 of the first byte, six bits there, then seven each."""
    byte = data[pos]
    if byte < 0x80:
        return pos + 1
    rest, end = read_varuint(data, pos + 1)
    if (rest << 6 | byte & 0x3F) > MAX_SAFE_INTEGER:
        raise UpdateRejected("a number is longer than 53 bits", offset=pos)
    return end


def _json(scan: Scan, pos: int) -> int:
    """Read a string of JSON, as embeds and the values of formats are written."""
    start, end = read_span(scan, pos)
    raw = scan.data[start:end]
    limits = scan.limits
    if end - start <= _CACHED_JSON_BYTES:
        fault = _known_json_fault(raw, limits.depth)
    else:
        # Every value but the first follows one of these, so this counts no fewer than there are.
        scan.values += raw.count(b",") + raw.count(b"[") + raw.count(b"{")
        if scan.values > limits.values:
            raise UpdateRejected(f"more than {limits.values} values", offset=start)
        fault = _json_fault(raw, limits.depth)
    if fault is not None:
        raise UpdateRejected(fault, offset=start)
    return end


def _json_fault(raw: bytes, depth: int) -> str | None:
    """Tell why JavaScript's `JSON.parse` or yrs's serde_json would refuse the bytes, if so."""
    if raw.count(b"[") + raw.count(b"{") > depth and json_depth(raw) > depth:
        return f"values nest deeper than {depth}"
    try:
        value = _parse_json(raw.decode())
        if b"\\ud" in raw or b"\\uD" in raw:
            # Half a surrogate pair passes in JavaScript and fails in yrs.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return "a value is not JSON"
    return None


_CACHED_JSON_BYTES: Final = 128
_known_json_fault = lru_cache(maxsize=1024)(_json_fault)
"""Marks repeat the same few values (`true`, `null`, `{}`), so short ones are parsed once."""


def json_depth(raw: bytes) -> int:
    """Tell how deep the arrays and objects of JSON nest, valid or not."""
    deepest = level = 0
    for token in _JSON_BRACKET.finditer(raw):
        bracket = token[0]
        if bracket in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif bracket in b"]}":
            level -= 1
    return deepest


_JSON_BRACKET: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]')
"""A whole string, so that brackets in it do not count, or one bracket."""


def _integer(digits: str) -> int:
    # serde_json takes longer ones as floats, and yrs has no number for these.
    number = int(digits) if len(digits) < 25 else int(_finite(digits))
    if 2**63 <= number < 2**64:
        raise ValueError(digits)
    return number


def _finite(digits: str) -> float:
    # JavaScript would read Infinity, serde_json refuses.
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


_parse_json = json.JSONDecoder(
    parse_int=_integer, parse_float=_finite, parse_constant=_finite
).decode
"""Standard JSON: Python's own decoder would take NaN and Infinity."""
