"""A fault as data, what surviving it means, and what is measured of it."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from collab.testing.cluster import Cluster
from collab.testing.scene import Scene

Run = Callable[[Scene], Awaitable[None]]
"""Does a fault to the cluster of a scene, and heals it."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong while people type.

    Attributes:
        name: What goes wrong, as the README's table says it.
        asked: What must hold beside that nothing acknowledged is lost or there twice.
        within_s: Longest time from the healing until all replicas are equal.
        run: None: a test of its own does it, to something else than a cluster.
        soak: Whether it is one of those that are done again and again at random.
    """

    name: str
    asked: str
    within_s: float
    run: Run | None = None
    soak: bool = True


@dataclass(frozen=True)
class Measured:
    """What was found after a fault.

    Attributes:
        tags: How many were typed.
        acknowledged: How many of them were acknowledged.
        lost: How many acknowledged ones were missing in the database, at any look at it.
        twice: How many are in the text more than once.
        equal_s: Seconds from the healing until all replicas were equal.
        unsaved_s: Longest time that somebody waited for an acknowledgement.
    """

    tags: int
    acknowledged: int
    lost: int
    twice: int
    equal_s: float
    unsaved_s: float

    def problems(self, fault: Fault) -> list[str]:
        """List what is not as the fault asks, one sentence each."""
        found = []
        if self.lost:
            found.append(f"{self.lost} acknowledged edits were lost")
        if self.twice:
            found.append(f"{self.twice} edits are there twice")
        if self.acknowledged < self.tags:
            found.append(f"{self.tags - self.acknowledged} edits were never acknowledged")
        if self.equal_s > fault.within_s:
            found.append(f"equal after {self.equal_s:.1f} s, asked were {fault.within_s:g}")
        return found


async def survive(cluster: Cluster, fault: Fault, chance: random.Random) -> Measured:
    """Have people type, do a fault, let them rest, and wait until all replicas are equal.

    Replicas are those of the people in Python and in Node, of somebody new at each process, what
    each process gives over the API, and what PostgreSQL holds.

    Raises:
        TimeoutError: they did not become equal within the fault's time, and as much again.
    """
    if fault.run is None:
        raise ValueError(f"{fault.name} is not done to a cluster")
    async with Scene(cluster, chance) as scene:
        await scene.until_typing()
        await fault.run(scene)
        healed_at = time.monotonic()
        await scene.rest()
        await scene.until_equal(2 * fault.within_s)
        equal_s = time.monotonic() - healed_at
        accounts = await scene.accounts()
        return Measured(
            tags=sum(len(one.typed) for one in accounts),
            acknowledged=sum(len(one.acknowledged) for one in accounts),
            lost=len(scene.lost),
            twice=scene.twice(),
            equal_s=equal_s,
            unsaved_s=max(one.longest_unsaved_s for one in accounts),
        )
