"""What follows from an edit in a dashboard's room."""

from __future__ import annotations

from collections.abc import Callable

from collab.engine.room import Room
from collab.mirror import MirroredKind
from dashboards.models import Dashboard


class LayoutKind(MirroredKind):
    """Keeps a dashboard's title and time of change in SQL, and tells who shows its layout.

    `watchers` are called with a room after each edit in it, of this process or another, on the
    room's loop; they note it and come back later.
    """

    def __init__(self) -> None:
        super().__init__(Dashboard)
        self.watchers: set[Callable[[Room], None]] = set()

    def edited(self, room: Room) -> None:
        for tell in tuple(self.watchers):
            tell(room)


LAYOUT = LayoutKind()
