"""What the process counts, for Prometheus. One process answers for itself only."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

REGISTRY = CollectorRegistry()

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

UPDATES = Counter(
    "collab_updates", "Updates of peers that were given to the log.", registry=REGISTRY
)
REFUSED = Counter("collab_refused_frames", "Frames refused.", ["error"], registry=REGISTRY)
OVERFLOWS = Counter(
    "collab_outbox_overflows", "Peers closed because they did not keep up.", registry=REGISTRY
)
HEALED = Counter("collab_healed_gaps", "Gaps of the relay healed from the log.", registry=REGISTRY)
HEALED_ROWS = Counter("collab_healed_rows", "Rows read from the log for gaps.", registry=REGISTRY)
COMMITTED_ROWS = Counter("collab_committed_rows", "Rows written to the log.", registry=REGISTRY)
FLUSH = Histogram(
    "collab_flush_seconds", "Time of one fan-out.", buckets=_SECONDS, registry=REGISTRY
)
COMMIT = Histogram(
    "collab_commit_seconds", "Time of one commit of the log.", buckets=_SECONDS, registry=REGISTRY
)


class PrometheusMeter:
    """A `Meter` that counts into this module's registry."""

    def updates(self, count: int) -> None:
        UPDATES.inc(count)

    def refused(self, kind: str) -> None:
        REFUSED.labels(kind).inc()

    def overflowed(self) -> None:
        OVERFLOWS.inc()

    def healed(self, rows: int) -> None:
        HEALED.inc()
        HEALED_ROWS.inc(rows)

    def flushed(self, seconds: float, peers: int) -> None:
        FLUSH.observe(seconds)

    def committed(self, seconds: float, rows: int) -> None:
        COMMIT.observe(seconds)
        COMMITTED_ROWS.inc(rows)


def render() -> bytes:
    """Return all metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
