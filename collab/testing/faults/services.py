"""PostgreSQL and Redis restart, are away, hang, or refuse."""

from __future__ import annotations

import asyncio

from collab.testing.faults.fault import Fault
from collab.testing.scene import Scene


async def _restart_redis(scene: Scene) -> None:
    scene.cluster.redis.stop()
    await asyncio.to_thread(scene.cluster.redis.start)


FAULTS = (Fault("Redis restarts", "people of both processes are equal", 10, _restart_redis),)
