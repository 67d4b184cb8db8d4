"""Web processes that are killed, stopped and replaced."""

from __future__ import annotations

import asyncio

from collab.testing.faults.fault import Fault
from collab.testing.scene import Scene


async def _kill(scene: Scene) -> None:
    site = scene.chance.choice(scene.cluster.sites)
    await scene.kill(site)
    await asyncio.to_thread(site.start)


FAULTS = (
    Fault(
        "kill -9 of a web process, mid-edit",
        "what it had acknowledged is stored, its peers come back",
        10,
        _kill,
    ),
)
