"""What the recorder counts, for `/metrics` beside what the engine does."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from collab.metrics import REGISTRY


class _Now(Collector):
    """Reads it when it is asked for."""

    def collect(self) -> Iterable[Metric]:
        # Commands that ask for no metrics need not wait for what numbers are computed with.
        from dashboards.recording import Recorder

        recorder = Recorder.running()
        recorded, dropped, waiting = (
            (recorder.recorded, recorder.dropped, recorder.waiting) if recorder else (0, 0, 0)
        )
        yield CounterMetricFamily("collab_samples", "Samples stored.", recorded)
        yield CounterMetricFamily("collab_dropped_samples", "Samples dropped.", dropped)
        yield GaugeMetricFamily(
            "collab_waiting_samples", "Samples that wait for their commit.", waiting
        )


def register() -> None:
    """Show it, once."""
    if not _registered:
        REGISTRY.register(_now)
        _registered.append(_now)


_now = _Now()
_registered: list[Collector] = []
