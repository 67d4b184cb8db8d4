"""Who is here: the people behind the peers of one room, in this process and in the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from collab.engine.peer import Person


class People:
    """People in a room, each with the number of sockets they hold.

    Other processes tell their list when it changes and every `refresh_s`; one that is silent for
    three times that is taken for dead.

    Args:
        refresh_s: How often a process tells its own list again.
    """

    def __init__(self, refresh_s: float) -> None:
        self._expiry_s = 3 * refresh_s
        self._here: Counter[Person] = Counter()
        self._elsewhere: dict[str, tuple[Counter[Person], float]] = {}
        self.watchers: set[Callable[[], None]] = set()
        # Another number with each change of who is here, anywhere.
        self.version = 0

    def add(self, person: Person) -> None:
        self._here[person] += 1
        self.version += 1

    def remove(self, person: Person) -> None:
        self._here[person] -= 1
        self.version += 1
        if self._here[person] <= 0:
            del self._here[person]

    def hear(self, process: str, rows: list[list[Any]], now: float) -> bool:
        """Take another process's list, as `rows` made it there. Returns whether it changed."""
        told = Counter({Person(r[0], r[1], r[2]): r[3] for r in rows})
        before = self._elsewhere.pop(process, (Counter(), 0.0))[0]
        if told:
            self._elsewhere[process] = (told, now)
        self.version += told != before
        return told != before

    def expire(self, now: float) -> bool:
        """Forget processes that are silent. Returns whether there were any."""
        dead = [p for p, (_, at) in self._elsewhere.items() if now - at > self._expiry_s]
        for process in dead:
            del self._elsewhere[process]
        self.version += bool(dead)
        return bool(dead)

    def rows(self) -> list[list[Any]]:
        """This process's list, for the relay: `[id, name, palette, sockets]` each."""
        return [[p.id, p.name, p.palette, n] for p, n in self._here.items()]

    def here(self) -> list[Person]:
        """Everybody in this process, in no order."""
        return list(self._here)

    def all(self) -> list[tuple[Person, int]]:
        """Everybody with their number of sockets, by name."""
        total = Counter(self._here)
        for told, _ in self._elsewhere.values():
            total += told
        return sorted(total.items(), key=lambda item: (item[0].name.casefold(), item[0].id))
