"""What each peer does and when, and what befalls it: the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Act(StrEnum):
    """An edit.

    TYPE puts a tag into the text and PARAGRAPH one into the body, which must be there in the end;
    ERASE takes an own tag away, which must not. SET gives the own place a value, which must be the
    last one. FORMAT and CONTEST are done over what others do: somebody's is left.
    """

    TYPE = "type"
    PARAGRAPH = "paragraph"
    ERASE = "erase"
    SET = "set"
    FORMAT = "format"
    CONTEST = "contest"


class Fault(StrEnum):
    """What befalls a peer: its wire breaks; it reads nothing; it is away and goes on editing."""

    DISCONNECTS = "disconnects"
    SLOW = "slow"
    OFFLINE = "offline"


_WEIGHTS = {Act.TYPE: 55, Act.PARAGRAPH: 10, Act.ERASE: 8, Act.SET: 12, Act.FORMAT: 8,
            Act.CONTEST: 7}  # fmt: skip
# Of how many seconds of its life a peer spends one with a fault beginning in it, and for how long.
_EVERY_S = 10.0
_LASTS_S = {Fault.DISCONNECTS: (0.1, 1.0), Fault.SLOW: (0.5, 2.0), Fault.OFFLINE: (0.5, 3.0)}


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit at a time after the start. `where` and `length` say in which part of what is there.

    Both are shares from 0 to 1: what is there by then depends on the others, and on the network.
    """

    at_s: float
    act: Act
    where: float
    length: float


@dataclass(frozen=True, slots=True)
class Mishap:
    """A fault that begins at a time after the start, and lasts."""

    at_s: float
    fault: Fault
    for_s: float


@dataclass(frozen=True, slots=True)
class Script:
    """The life of one peer, in order of time."""

    edits: list[Edit]
    mishaps: list[Mishap]


def script(seed: int, peer: int, *, seconds: float, rate: float, faults: Sequence[Fault]) -> Script:
    """Write the script of one peer.

    Args:
        seed: Of the run.
        peer: Its number.
        seconds: How long it edits.
        rate: Edits per second, on average.
        faults: What may befall it, in turns; nothing if it is empty. All are over in time.
    """
    # A string is hashed in the same way by every Python.
    chance = random.Random(f"{seed} {peer}")
    edits = []
    for at_s in sorted(chance.uniform(0, seconds) for _ in range(round(seconds * rate))):
        (act,) = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        edits.append(Edit(at_s, act, chance.random(), chance.random()))
    mishaps: list[Mishap] = []
    if faults:
        part_s = seconds / max(1, round(seconds / _EVERY_S))
        for number in range(round(seconds / part_s)):
            fault = faults[(peer + number) % len(faults)]
            shortest, longest = _LASTS_S[fault]
            for_s = min(chance.uniform(shortest, longest), part_s / 2)
            mishaps.append(Mishap(part_s * (number + chance.uniform(0, 0.45)), fault, for_s))
    return Script(edits, mishaps)
