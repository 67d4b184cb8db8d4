"""Whether a process grows: its memory, its open files, its tasks, looked at again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median

import httpx
import psutil

from collab.testing.clocks import movable, tidy
from collab.testing.servers import Program, Site

LOOK_EVERY_S = 5.0
WARM_UP_S = 300.0
"""What a process takes until each kind of fault came once, it keeps: code, caches, connections.

All that end no process take about four minutes."""
JUDGED_S = 120.0
"""Lives that go on for less than this after the warm-up are shown, and not judged."""
MIB_PER_MINUTE = 1.0
MORE_FILES = 8
MORE_TASKS = 8
_MIB = 2**20
# The slope's pairs are counted by the square: 300 looks are 45,000 of them.
_MOST_LOOKS = 300


@dataclass(frozen=True, slots=True)
class Look:
    """What a process, with its children, held at a time. `tasks` is None where none are counted."""

    at: float
    memory_mib: float
    files: int
    tasks: int | None


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
        return bool(warm) and warm[-1].at - warm[0].at >= JUDGED_S

    @property
    def mib_per_minute(self) -> float:
        """How fast its memory grows after the warm-up."""
        return 60 * slope([(look.at, look.memory_mib) for look in self.warm])

    def problems(self) -> list[str]:
        """List what leaks, one sentence each; nothing of a life that is not judged."""
        if not self.judged:
            return []
        found = []
        if self.mib_per_minute > MIB_PER_MINUTE:
            found.append(f"{self.name} grows by {self.mib_per_minute:.2f} MiB a minute")
        files = _grown([look.files for look in self.warm])
        if files > MORE_FILES:
            found.append(f"{self.name} has {files} more open files at the end")
        tasks = _grown([look.tasks for look in self.warm if look.tasks is not None])
        if tasks > MORE_TASKS:
            found.append(f"{self.name} has {tasks} more tasks at the end")
        return found


def slope(points: list[tuple[float, float]]) -> float:
    """Return the median of the slopes of all pairs (Theil-Sen): a few outliers change nothing."""
    step = len(points) // _MOST_LOOKS + 1
    slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points[::step], 2)]
    return median(slopes) if slopes else 0.0


def _grown(counts: list[int]) -> int:
    """Return how much more the least of the last third is than the least of the first."""
    third = len(counts) // 3
    return min(counts[-third:]) - min(counts[:third]) if third else 0


class Watcher:
    """Looks at programs every few seconds, and notes each process's life.

    Args:
        programs: What to look at; whatever does not run is left out.
    """

    def __init__(self, programs: Iterable[Program]) -> None:
        self.programs = tuple(programs)
        self.lives: list[Life] = []
        self._http = httpx.Client(timeout=2)

    async def run(self) -> None:
        """Look until cancelled."""
        try:
            while True:
                await asyncio.to_thread(self.look)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._http.close()

    def look(self) -> None:
        """Look once."""
        for program in self.programs:
            try:
                if program.running:
                    self._life_of(program).looks.append(self._look_at(program))
                    if isinstance(program, Site) and movable(program):
                        # For the next look. It has answered, so it listens to signals by now.
                        tidy(program)
            except (psutil.Error, httpx.HTTPError, StopIteration):
                continue  # It ends, starts, or is stopped right now.

    def _life_of(self, program: Program) -> Life:
        for life in reversed(self.lives):
            if life.name == program.name and life.pid == program.pid:
                return life
        life = Life(program.name, program.pid)
        self.lives.append(life)
        return life

    def _look_at(self, program: Program) -> Look:
        tasks = None
        if isinstance(program, Site):
            tasks = int(gauge(self._http.get(f"{program.url}/metrics").text, "collab_tasks"))
        process = psutil.Process(program.pid)
        family = [process, *process.children(recursive=True)]
        return Look(
            at=time.monotonic(),
            memory_mib=_sum(family, lambda one: one.memory_full_info().uss) / _MIB,
            files=_sum(family, lambda one: one.num_fds()),
            tasks=tasks,
        )


def gauge(text: str, name: str) -> float:
    """Read one gauge of a page of metrics. Raises StopIteration if it is not there."""
    line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def _sum(family: list[psutil.Process], of: Callable[[psutil.Process], int]) -> int:
    """Sum over those that are still there."""
    total = 0
    for process in family:
        try:
            total += of(process)
        except psutil.NoSuchProcess:
            continue
    return total
