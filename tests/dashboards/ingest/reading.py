"""What tests of parsers share: a fixed now, and readings as plain values."""

from __future__ import annotations

from dashboards.ingest.batch import Batch

NOW_MS = 1_764_064_800_000


def batch(most: int = 1000) -> Batch:
    """Make an empty batch of now."""
    return Batch(NOW_MS, most=most)


class Keeping:
    """Keeps numbers for ever, but for those of some metrics, of which none of before now."""

    def __init__(self, *names: str) -> None:
        self.all_since_ms = NOW_MS
        self._names = names

    def since_ms(self, name: str) -> int:
        return NOW_MS if name in self._names else 0


def series(found: Batch) -> dict[str, float]:
    """Return the values by how a series is written: `name{label=value,…}`."""
    return {
        reading.name + "{" + ",".join(f"{k}={v}" for k, v in reading.labels) + "}": reading.value
        for reading in found.readings
    }


def refused(found: Batch) -> dict[int | None, str]:
    """Return why lines were refused, by their number."""
    return {refusal.line: refusal.message for refusal in found.refusals}
