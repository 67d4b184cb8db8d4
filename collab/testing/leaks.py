"""Whether a process grows: its memory, its open files, its tasks, looked at again and again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx
import psutil

from collab.testing.clocks import movable, tidy
from collab.testing.servers import Program, Site

LOOK_EVERY_S = 5.0
WARM_UP_S = 180.0
"""What a process takes until most faults came once, it keeps: code, caches, connections."""
JUDGED_S = 240.0
"""Lives that go on for less than this after the warm-up are not judged.

A third of it is more than the time that a room stays open after two heavy faults.
"""
MIB_PER_MINUTE, MORE_MIB = 0.25, 2.0
"""Memory in use is a leak if it grows faster than the one and by more than the other at all."""
BLOCKS_PER_MINUTE, MORE_BLOCKS = 1_000, 5_000
MORE_RESIDENT_MIB = 64
MORE_FILES = 8
MORE_TASKS = 8
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Look:
    """What a process, with its children, held at a time.

    Attributes:
        at: Seconds, of a monotonic clock.
        resident_mib: Memory that is theirs alone (USS), also free pieces that the C library keeps.
        files: Open files.
        in_use_mib: What the C library has given out (`collab_malloc_bytes`); None if none says.
        blocks: What Python's objects are in (`collab_python_blocks`); None if none says.
        tasks: Of the event loop; None if none says.
    """

    at: float
    resident_mib: float
    files: int
    in_use_mib: float | None = None
    blocks: float | None = None
    tasks: float | None = None


@dataclass(frozen=True, slots=True)
class Growth:
    """Of a number that comes and goes: the least of a life's first looks, and of its last.

    Attributes:
        first: The least in the first third of the looks.
        last: The least in the last third.
        minutes: From the middle of the one to the middle of the other.
    """

    first: float
    last: float
    minutes: float

    @property
    def more(self) -> float:
        return self.last - self.first

    @property
    def per_minute(self) -> float:
        return self.more / self.minutes


@dataclass
class Life:
    """One process from its start to its end, as it was looked at."""

    name: str
    pid: int
    looks: list[Look] = field(default_factory=list)

    @property
    def minutes(self) -> float:
        return (self.looks[-1].at - self.looks[0].at) / 60

    @property
    def warm(self) -> list[Look]:
        """The looks after the warm-up."""
        return [look for look in self.looks if look.at - self.looks[0].at >= WARM_UP_S]

    @property
    def judged(self) -> bool:
        warm = self.warm
        return len(warm) >= 3 and warm[-1].at - warm[0].at >= JUDGED_S

    def growth(self, of: Callable[[Look], float | None]) -> Growth | None:
        """Tell how a number of its looks grew after the warm-up; None if it has none.

        Raises:
            ValueError: A life that is not judged.
        """
        if not self.judged:
            raise ValueError(f"{self.name} lived too short a time")
        found = [(look.at, value) for look in self.warm if (value := of(look)) is not None]
        third = len(found) // 3
        if not third:
            return None
        first, last = found[:third], found[-third:]
        return Growth(
            min(value for _, value in first),
            min(value for _, value in last),
            (last[third // 2][0] - first[third // 2][0]) / 60,
        )

    @property
    def memory(self) -> Growth | None:
        """What it has in use, in MiB: as its C library says, or else all that is resident."""
        return self.growth(lambda look: look.in_use_mib) or self.resident

    @property
    def resident(self) -> Growth | None:
        return self.growth(lambda look: look.resident_mib)

    @property
    def blocks(self) -> Growth | None:
        return self.growth(lambda look: look.blocks)

    @property
    def files(self) -> Growth | None:
        return self.growth(lambda look: look.files)

    @property
    def tasks(self) -> Growth | None:
        return self.growth(lambda look: look.tasks)

    def problems(self) -> list[str]:
        """List what leaks, one sentence each; nothing of a life that is not judged."""
        if not self.judged:
            return []
        found = []
        for grown, per_minute, more, unit in (
            (self.memory, MIB_PER_MINUTE, MORE_MIB, "MiB in use"),
            (self.blocks, BLOCKS_PER_MINUTE, MORE_BLOCKS, "of Python's blocks"),
            (self.resident, 0, MORE_RESIDENT_MIB, "MiB resident"),
            (self.files, 0, MORE_FILES, "open files"),
            (self.tasks, 0, MORE_TASKS, "tasks"),
        ):
            if grown is not None and grown.more > more and grown.per_minute > per_minute:
                found.append(
                    f"{self.name} has {grown.more:,.0f} more {unit} at the end,"
                    f" {grown.per_minute:,.2f} a minute"
                )
        return found


class Watcher:
    """Looks at programs every few seconds, and notes each process's life.

    Args:
        programs: What to look at; whatever does not run is left out.
    """

    def __init__(self, programs: Iterable[Program]) -> None:
        self.programs = tuple(programs)
        self.lives: list[Life] = []

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Look once."""
        for program in self.programs:
            try:
                if program.running:
                    process = psutil.Process(program.pid)
                    found = self._look_at(program, process)
                    self._life_of(program, process.pid).looks.append(found)
                    if isinstance(program, Site) and movable(program):
                        # For the next look. It has answered, so it listens to signals by now.
                        tidy(process)
            except (psutil.Error, httpx.HTTPError, OSError):
                continue  # It ends, starts, or is stopped right now.

    def _life_of(self, program: Program, pid: int) -> Life:
        for life in reversed(self.lives):
            if life.name == program.name and life.pid == pid:
                return life
        life = Life(program.name, pid)
        self.lives.append(life)
        return life

    def _look_at(self, program: Program, process: psutil.Process) -> Look:
        page = program.metrics(timeout_s=2) if isinstance(program, Site) else {}
        given_out = page.get("collab_malloc_bytes")
        family = [process, *process.children(recursive=True)]
        return Look(
            at=time.monotonic(),
            resident_mib=_sum(family, lambda one: one.memory_full_info().uss) / _MIB,
            files=_sum(family, lambda one: one.num_fds()),
            in_use_mib=given_out / _MIB if given_out is not None else None,
            blocks=page.get("collab_python_blocks"),
            tasks=page.get("collab_tasks"),
        )


def _sum(family: list[psutil.Process], of: Callable[[psutil.Process], int]) -> int:
    """Sum over those that are still there. Raises NoSuchProcess: the first is not."""
    total = of(family[0])
    for child in family[1:]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += of(child)
    return total
