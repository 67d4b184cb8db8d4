"""Wall clocks that differ and jump."""

from __future__ import annotations

import asyncio

from collab.testing.clocks import movable, put_ahead
from collab.testing.faults.fault import Fault
from collab.testing.scene import Scene

_APART_S = 90


async def _jump(scene: Scene) -> None:
    """Put the clock of one process forward and back, each time until everybody has saved."""
    site = scene.cluster.second
    # Its clock can be moved from its next start on; with the right time it does no harm later.
    ready = movable(site)
    put_ahead(site, _APART_S)
    if not ready:
        await asyncio.to_thread(site.stop)
        await asyncio.to_thread(site.start)
    try:
        await scene.until_typing()
        put_ahead(site, -_APART_S)
        await scene.until_typing()
    finally:
        put_ahead(site, 0)


FAULTS = (
    Fault(
        "wall clocks of the processes 90 s apart, and jumping by 180 s",
        "everybody goes on to read Saved",
        10,
        _jump,
    ),
)
