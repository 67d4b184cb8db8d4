"""Faults of processes, services, wires and documents, each to be survived while people type."""

from __future__ import annotations

from collab.testing.faults import processes, services
from collab.testing.faults.fault import Fault, Measured, Run, survive

ALL: tuple[Fault, ...] = (*processes.FAULTS, *services.FAULTS)
"""In the order of the README's table."""

__all__ = ["ALL", "Fault", "Measured", "Run", "survive"]
