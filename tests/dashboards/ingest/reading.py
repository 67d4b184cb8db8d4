"""What tests of parsers share: a fixed now, and readings as plain values."""

from __future__ import annotations

from dashboards.ingest.batch import Batch

NOW_MS = 1_764_064_800_000


def batch(most: int = 1000) -> Batch:
    """Make an empty batch of now."""
    return Batch(NOW_MS, most=most)


def series(found: Batch) -> dict[str, float]:
    """Return the values by how a series is written: `name{label=value,…}`."""
    return {
        reading.name + "{" + ",".join(f"{k}={v}" for k, v in reading.labels) + "}": reading.value
        for reading in found.readings
    }


def refused(found: Batch) -> dict[int | None, str]:
    """Return why lines were refused, by their number."""
    return {refusal.line: refusal.message for refusal in found.refusals}
