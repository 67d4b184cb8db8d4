"""Faults at random for minutes or hours, while people type, with an eye on leaks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from collab.testing.clocks import put_ahead
from collab.testing.cluster import Cluster
from collab.testing.faults import ALL, Fault, Measured, processes, survive
from collab.testing.leaks import Life, Watcher

ROUND_TIMEOUT_S = 240.0
# Faults that end web processes have the first part of the time, so that others live long enough.
_ENDINGS_SHARE = 1 / 5

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Round:
    """One fault that was done: what was measured, or what went wrong instead."""

    fault: Fault
    measured: Measured | None
    problems: list[str]


@dataclass
class Outcome:
    """What a soak has found until now."""

    seed: int
    asked_s: float
    began_at: float
    rounds: list[Round] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    ended_at: float = 0.0
    stopped: bool = False
    # What ended the look for leaks before its time.
    blind: BaseException | None = None

    @property
    def minutes(self) -> float:
        return (self.ended_at - self.began_at) / 60

    @property
    def measured(self) -> list[Measured]:
        return [one.measured for one in self.rounds if one.measured is not None]

    @property
    def judged(self) -> bool:
        """Whether a web process lived long enough to say whether it leaks."""
        return any(life.judged and life.tasks for life in self.lives)

    def problems(self) -> list[str]:
        """List what went wrong, one sentence each, with the fault or process that it is about."""
        found = [f"{one.fault.name}: {text}" for one in self.rounds for text in one.problems]
        found += [text for life in self.lives for text in life.problems()]
        if self.blind is not None:
            found.append(f"The look for leaks ended: {self.blind!r}")
        if not self.rounds:
            found.append("No fault was done.")
        return found


def faults_like(parts: Sequence[str]) -> list[Fault]:
    """Return the faults of a soak whose names have one of these parts; all, if there are none."""
    fitting = [fault for fault in ALL if fault.soak and fault.run is not None]
    return [one for one in fitting if not parts or any(part in one.name for part in parts)]


async def soak(
    cluster: Cluster, faults: Sequence[Fault], *, seconds: float, seed: int, tell: Tell
) -> Outcome:
    """Do faults at random until the time is over. Cancelled, it returns what it has found.

    Each round has people in Python and in Node who type through it, and ends when all replicas are
    equal again and nothing is lost.

    Args:
        cluster: Need not run.
        faults: What to do.
        seconds: How long. The last round ends later.
        seed: Of all that is left to chance.
        tell: Takes a line of what was done.
    """
    chance = random.Random(seed)
    # So that clocks can jump without a new start, which would end what is looked at, and garbage
    # is no leak.
    for site in cluster.sites:
        put_ahead(site, 0)
    await asyncio.to_thread(cluster.start)
    outcome = Outcome(seed, seconds, time.monotonic())
    watcher = Watcher(cluster.programs)
    outcome.lives = watcher.lives
    watching = asyncio.create_task(watcher.run())
    try:
        for fault in _drawn(faults, chance, outcome.began_at, seconds):
            done = await _round(cluster, fault, chance)
            outcome.rounds.append(done)
            tell(line(done, time.monotonic() - outcome.began_at))
    except asyncio.CancelledError:
        outcome.stopped = True
    finally:
        watching.cancel()
        (ended,) = await asyncio.gather(watching, return_exceptions=True)
        outcome.blind = None if isinstance(ended, asyncio.CancelledError) else ended
        outcome.ended_at = time.monotonic()
    return outcome


def _drawn(
    faults: Sequence[Fault], chance: random.Random, began_at: float, seconds: float
) -> Iterator[Fault]:
    """Draw faults until the time is over; each once before one comes again."""
    ending = [fault for fault in faults if fault in processes.FAULTS]
    lasting = [fault for fault in faults if fault not in ending]
    deck: list[Fault] = []
    was_ending = False
    while (passed := time.monotonic() - began_at) < seconds:
        is_ending = bool(ending) and (not lasting or passed < _ENDINGS_SHARE * seconds)
        if not deck or is_ending != was_ending:
            mixed = [*ending, *chance.sample(lasting, min(len(ending), len(lasting)))]
            deck = list(mixed if is_ending else lasting)
            chance.shuffle(deck)
            was_ending = is_ending
        yield deck.pop()


async def _round(cluster: Cluster, fault: Fault, chance: random.Random) -> Round:
    """Do one fault to a cluster in which everything runs."""
    try:
        async with asyncio.timeout(ROUND_TIMEOUT_S):
            await asyncio.to_thread(cluster.start)
            measured = await survive(cluster, fault, chance)
    except Exception as error:
        # Whatever it is, the soak tells of it and goes on.
        return Round(fault, None, [f"{type(error).__name__}: {error}"])
    return Round(fault, measured, measured.problems(fault))


def line(done: Round, passed_s: float) -> str:
    """Say in one line how a round went."""
    minutes, seconds = divmod(int(passed_s), 60)
    measured = done.measured
    text = "; ".join(done.problems)
    if measured is not None and not text:
        text = (
            f"{measured.acknowledged} edits acknowledged, none lost,"
            f" equal after {measured.equal_s:.1f} s"
        )
    return f"{minutes:3}:{seconds:02}  {done.fault.name}: {text}"


def end(cluster: Cluster) -> None:
    """Leave nothing running, also of what was just being started."""
    with contextlib.suppress(RuntimeError):
        cluster.stop()
