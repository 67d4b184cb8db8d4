"""Faults of processes, services, wires and documents, each to be survived while people type."""

from __future__ import annotations

from collab.testing.faults import apart, backup, clocks, documents, processes, services, wires
from collab.testing.faults.fault import Fault, Measured, Run, survive

ALL: tuple[Fault, ...] = (
    *processes.FAULTS,
    *services.FAULTS,
    *wires.FAULTS,
    *clocks.FAULTS,
    *documents.FAULTS,
    *backup.FAULTS,
    *apart.FAULTS,
)
"""In the order of the README's table."""

__all__ = ["ALL", "Fault", "Measured", "Run", "survive"]
