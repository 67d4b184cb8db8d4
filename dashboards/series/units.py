"""Numbers as people read them: `1.2 k`, `3.4 MiB`, `250 ms`, `97.1 %`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

UNITS = ("", "none", "bytes", "bytes/s", "s", "ms", "percent", "ratio", "/s")
"""Those that are known; any other is written behind the number as it is."""

NO_VALUE = "–"

_HUGE = 1e21
"""From here on JavaScript's toFixed writes exponents, too."""

# Halves away from zero, as JavaScript's toFixed; Python's own way is to even. It has all digits of
# what is less than huge, with as many after the point as can be wanted.
_AS_TO_FIXED = Context(prec=60, rounding=ROUND_HALF_UP)


class _Scale(NamedTuple):
    """From `least` on a number is divided by `by` and written with a suffix."""

    least: float
    by: float
    suffix: str


def _scales(*given: tuple[float, str]) -> tuple[_Scale, ...]:
    return tuple(_Scale(by, by, suffix) for by, suffix in given)


_SMALL = (_Scale(1e-3, 1, ""), _Scale(1e-6, 1e-6, " µ"), _Scale(0, 1e-9, " n"))
_SI = (*_scales((1e18, " E"), (1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")),
       *_SMALL)  # fmt: skip
_BYTES = (
    *_scales(*((2.0 ** (10 * n), f" {'KMGTPE'[n - 1]}iB") for n in range(6, 0, -1))),
    _Scale(0, 1, " B"),
)
_SECONDS = (
    *_scales((86400, " d"), (3600, " h"), (60, " min"), (1, " s"), (1e-3, " ms"), (1e-6, " µs")),
    _Scale(0, 1e-9, " ns"),
)
_AS_IS = (_Scale(0, 1, ""),)


def shown(value: float | None, unit: str = "", decimals: int | None = None) -> str:
    """Write a number for people.

    Args:
        value: The number; None and NaN are no value.
        unit: One of `UNITS`, or a word to write behind it.
        decimals: How many digits after the point; None: three significant ones at most.
    """
    if value is None or math.isnan(value):
        return NO_VALUE
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    match unit:
        case "bytes":
            return _scaled(value, _BYTES, decimals)
        case "bytes/s":
            return _scaled(value, _BYTES, decimals) + "/s"
        case "s":
            return _scaled(value, _SECONDS, decimals)
        case "ms":
            return _scaled(value / 1000, _SECONDS, decimals)
        case "percent":
            return _scaled(value, _AS_IS, decimals) + " %"
        case "ratio":
            return _scaled(value * 100, _AS_IS, decimals) + " %"
        case "none":
            return _scaled(value, _AS_IS, decimals)
        case "":
            return _scaled(value, _SI, decimals)
        case "/s":
            return _scaled(value, _SI, decimals) + "/s"
        case _:
            return f"{_scaled(value, _SI, decimals)} {unit}"


def _scaled(value: float, scales: Sequence[_Scale], decimals: int | None) -> str:
    size = abs(value)
    place = next(n for n, scale in enumerate(scales) if size >= scale.least)
    if size == 0:
        # Nought has the unit that one has.
        place = next((n for n, scale in enumerate(scales) if scale.by == 1), place)
    written = _written(value / scales[place].by, decimals)
    if place and abs(float(written)) * scales[place].by >= scales[place - 1].least:
        # 999.9 is 1 k, not 1000.
        place -= 1
        written = _written(value / scales[place].by, decimals)
    return written + scales[place].suffix


def _written(number: float, decimals: int | None) -> str:
    if abs(number) >= _HUGE:
        return f"{number:.2e}"
    digits = _digits(abs(number)) if decimals is None else decimals
    rounded = Decimal(number).quantize(Decimal(1).scaleb(-digits), context=_AS_TO_FIXED)
    text = f"{rounded:f}"
    if decimals is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.removeprefix("-") if float(text) == 0 else text


def _digits(size: float) -> int:
    """Return how many digits after the point make three significant ones."""
    for digits, least in enumerate((100, 10, 1, 0.1, 0.01, 0.001)):
        if size >= least:
            return digits
    return 6
