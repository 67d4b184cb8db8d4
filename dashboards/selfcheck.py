"""The site measures itself and its machine: numbers to look at from the first moment on.

Of the machine, by the label `host`: `host_cpu_percent`, `host_load`, `host_memory_used_bytes`,
`host_memory_percent`, `host_disk_percent`, `host_disk_free_bytes`, and as counters
`host_disk_read_bytes`, `host_disk_written_bytes`, `host_network_received_bytes` and
`host_network_sent_bytes`.

Of each process, by `host` and `process`: `process_cpu_percent`, `process_memory_bytes`,
`process_open_files`, `process_threads`, and all that `/metrics` shows, among it `collab_rooms`,
`collab_peers`, `collab_updates_total`, `collab_unsaved_bytes`, `collab_commit_seconds_bucket`,
`collab_flush_seconds_bucket`, `collab_samples_total` and `collab_waiting_samples`.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from django.conf import settings

import collab.health  # noqa: F401 - its gauges are measured, too
from collab.metrics import REGISTRY
from dashboards.ingest.readings import Kind, Labels, Reading
from dashboards.recording import Recorder
from dashboards.repeating import Repeating
from dashboards.series.ports import StoreAway
from dashboards.store import leases
from dashboards.store.orm import away, now_ms

if TYPE_CHECKING:
    from prometheus_client import Metric

EVERY_S = 5.0
# How busy a processor was in the blink of an eye is all or nothing.
_FIRST_S = 0.5
# Who measures the machine, and a process's number, are settled for so long.
_LEASE_S = 25.0
_RENEW_S = 10.0
_KINDS = {"_bucket": Kind.BUCKET, "_count": Kind.COUNTER, "_sum": Kind.COUNTER}


class SelfCheck:
    """Measures this process, and its machine unless another process there does.

    Args:
        recorder: What takes the numbers.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._using = recorder.store.using
        self._host = socket.gethostname()
        self._process = psutil.Process()
        self._number: int | None = None
        self._measures_host = False
        self._renewed_at = float("-inf")
        self.thread = Repeating(
            "collab-selfcheck", self.measure, first_s=_FIRST_S, at_end=self._give_back
        )
        # The first answer of these two says nothing: they compare with the last call.
        psutil.cpu_percent()
        self._process.cpu_percent()

    def measure(self) -> float:
        """Measure once. Returns when to be called next (s)."""
        if time.monotonic() - self._renewed_at >= _RENEW_S:
            self._renew()
        at_ms = now_ms()
        found = list(self._of_process(at_ms))
        if self._measures_host:
            found += self._of_host(at_ms)
        self._recorder.offer(found)
        return EVERY_S - time.time() % EVERY_S

    def _renew(self) -> None:
        """Settle it anew. While the database is away, what was settled holds until it ends."""
        began = time.monotonic()
        try:
            with away():
                self._settle(now_ms())
            self._renewed_at = began
        except StoreAway:
            if time.monotonic() - self._renewed_at >= _LEASE_S:
                raise

    def _settle(self, now: int) -> None:
        host, until = self._host[:200], now + int(_LEASE_S * 1000)
        self._number = leases.number(
            f"process {host} ", until, now, known=self._number, using=self._using
        )
        self._measures_host = leases.take(f"host {host}", until, now, using=self._using)

    def _give_back(self) -> None:
        leases.give_back(f"process {self._host[:200]} {self._number}", using=self._using)
        if self._measures_host:
            leases.give_back(f"host {self._host[:200]}", using=self._using)

    def _of_process(self, at_ms: int) -> Iterator[Reading]:
        labels: Labels = (("host", self._host), ("process", str(self._number)))
        with self._process.oneshot():
            for name, value, unit in (
                ("process_cpu_percent", self._process.cpu_percent(), "percent"),
                ("process_memory_bytes", self._process.memory_info().rss, "bytes"),
                ("process_open_files", self._process.num_fds(), ""),
                ("process_threads", self._process.num_threads(), ""),
            ):
                yield Reading(name, labels, float(value), at_ms, Kind.GAUGE, unit)
        for family in REGISTRY.collect():
            yield from _of_family(family, labels, at_ms)

    def _of_host(self, at_ms: int) -> Iterator[Reading]:
        labels: Labels = (("host", self._host),)
        memory, disk = psutil.virtual_memory(), psutil.disk_usage(_place())
        for name, value, unit in (
            ("host_cpu_percent", psutil.cpu_percent(), "percent"),
            ("host_load", psutil.getloadavg()[0], ""),
            ("host_memory_used_bytes", memory.total - memory.available, "bytes"),
            ("host_memory_percent", memory.percent, "percent"),
            ("host_disk_percent", disk.percent, "percent"),
            ("host_disk_free_bytes", disk.free, "bytes"),
        ):
            yield Reading(name, labels, float(value), at_ms, Kind.GAUGE, unit)
        for name, value in _moved().items():
            yield Reading(name, labels, float(value), at_ms, Kind.COUNTER, "bytes")


def _place() -> str:
    """Return a folder on the disk that the site writes to."""
    media = Path(settings.MEDIA_ROOT or "/")
    return str(media if media.exists() else "/")


def _moved() -> dict[str, int]:
    """Return the bytes that went to and from disks and networks since the machine started."""
    disks = psutil.disk_io_counters()
    networks = [
        counted for name, counted in psutil.net_io_counters(pernic=True).items() if name != "lo"
    ]
    moved = {
        "host_network_received_bytes": sum(counted.bytes_recv for counted in networks),
        "host_network_sent_bytes": sum(counted.bytes_sent for counted in networks),
    }
    if disks is not None:
        moved["host_disk_read_bytes"] = disks.read_bytes
        moved["host_disk_written_bytes"] = disks.write_bytes
    return moved


def _of_family(family: Metric, own: Labels, at_ms: int) -> Iterator[Reading]:
    for sample in family.samples:
        suffix = sample.name.removeprefix(family.name)
        if suffix == "_created" or not math.isfinite(sample.value):
            continue
        kind = Kind.COUNTER if family.type == "counter" else _KINDS.get(suffix, Kind.GAUGE)
        labels = tuple(sorted((*own, *sample.labels.items())))
        unit = next((one for one in ("seconds", "bytes") if family.name.endswith(one)), "")
        shown = "s" if unit == "seconds" else unit
        yield Reading(sample.name, labels, sample.value, at_ms, kind, shown)
