"""Units as their senders name them, in the words that panels know; others stay as they are."""

from __future__ import annotations

# https://prometheus.io/docs/practices/naming/#base-units
_PROMETHEUS = {"seconds": "s", "bytes": "bytes", "ratio": "ratio", "percent": "percent"}
# The end of a name that says that its seconds are a point in time, which no one reads as a length.
_POINTS = ("timestamp_seconds", "time_seconds", "created_seconds")

# https://ucum.org, as OpenTelemetry writes units.
_UCUM = {"By": "bytes", "By/s": "bytes/s", "s": "s", "%": "percent", "1": "", "1/s": "/s"}


def of_prometheus(name: str, unit: str = "") -> str:
    """Return the unit of a family: the one it declares, or the base unit at the end of its name."""
    if unit:
        return _PROMETHEUS.get(unit, unit)
    name = name.removesuffix("_total")
    return "" if name.endswith(_POINTS) else _PROMETHEUS.get(name.rpartition("_")[2], "")


def of_ucum(unit: str) -> str:
    """Return the unit of an OpenTelemetry metric. What it counts, as `{request}`, is none."""
    if unit.startswith("{"):
        return "/s" if unit.endswith("}/s") else ""
    return _UCUM.get(unit, unit)
