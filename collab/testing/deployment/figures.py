"""What is counted and measured, by each worker and of all together."""

from __future__ import annotations

import math
import mmap
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Latencies are counted in classes, each 2 % wider than the one before, from a microsecond on.
_FIRST_S = 1e-6
_GROWTH = math.log(1.02)
_SLOT = struct.Struct("d")


class Latencies:
    """Counts durations; what it tells of them is 1 % off at most, and it stays small."""

    def __init__(self, counts: dict[str, int] | None = None) -> None:
        self._counts = Counter({int(key): count for key, count in (counts or {}).items()})

    def add(self, seconds: float) -> None:
        self._counts[int(math.log(max(seconds, _FIRST_S) / _FIRST_S) / _GROWTH)] += 1

    def merge(self, other: Latencies) -> None:
        self._counts.update(other._counts)

    @property
    def count(self) -> int:
        return self._counts.total()

    def quantile_ms(self, share: float) -> float | None:
        """Return the duration below which this share of all lies, in ms; None if there are none."""
        left = share * self.count
        for number, count in sorted(self._counts.items()):
            left -= count
            if left <= 0:
                return 1000 * _FIRST_S * math.exp((number + 0.5) * _GROWTH)
        return None

    def as_json(self) -> dict[str, int]:
        return {str(number): count for number, count in self._counts.items()}


@dataclass
class Figures:
    """What peers did and saw.

    `closed` counts the site's own closings, by code; `late` is how late the worker's own loop was
    when it was to wake: so much of every latency is not the site's.
    """

    edits: int = 0
    acknowledged: int = 0
    reconnects: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    closed: Counter[int] = field(default_factory=Counter)
    to_peers: Latencies = field(default_factory=Latencies)
    to_ack: Latencies = field(default_factory=Latencies)
    late: Latencies = field(default_factory=Latencies)

    def merge(self, other: Figures) -> None:
        self.edits += other.edits
        self.acknowledged += other.acknowledged
        self.reconnects += other.reconnects
        self.sent_bytes += other.sent_bytes
        self.received_bytes += other.received_bytes
        self.closed.update(other.closed)
        self.to_peers.merge(other.to_peers)
        self.to_ack.merge(other.to_ack)
        self.late.merge(other.late)

    def as_json(self) -> dict[str, Any]:
        return vars(self) | {
            "closed": {str(code): count for code, count in self.closed.items()},
            "to_peers": self.to_peers.as_json(),
            "to_ack": self.to_ack.as_json(),
            "late": self.late.as_json(),
        }

    @classmethod
    def of_json(cls, told: dict[str, Any]) -> Figures:
        return cls(
            **told
            | {
                "closed": Counter({int(code): count for code, count in told["closed"].items()}),
                "to_peers": Latencies(told["to_peers"]),
                "to_ack": Latencies(told["to_ack"]),
                "late": Latencies(told["late"]),
            }
        )


class Times:
    """When each edit was sent, in a file that all workers have in memory.

    Processes of one machine share the monotonic clock. 0 stands for an edit that was not sent as it
    was made: what becomes of it says nothing about the site.

    Args:
        path: The file, as long as `size_of` says.
        edits: How many one peer makes at most.
    """

    def __init__(self, path: Path, edits: int) -> None:
        self._edits = edits
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)

    @staticmethod
    def size_of(peers: int, edits: int) -> int:
        return max(1, peers * edits) * _SLOT.size

    def note(self, peer: int, edit: int, at: float) -> None:
        _SLOT.pack_into(self._memory, (peer * self._edits + edit) * _SLOT.size, at)

    def of(self, peer: int, edit: int) -> float:
        """Return when it was sent, or 0."""
        place = (peer * self._edits + edit) * _SLOT.size
        if edit >= self._edits or place + _SLOT.size > len(self._memory):
            return 0.0
        at: float = _SLOT.unpack_from(self._memory, place)[0]
        return at
