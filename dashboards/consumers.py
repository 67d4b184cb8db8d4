"""The sockets of who may edit a dashboard, its room and who is in it, and those of lists."""

from __future__ import annotations

from typing import ClassVar

from collab import lists, shared_consumers
from collab.engine.room import RoomKind
from dashboards.live import LAYOUT
from dashboards.models import Dashboard


class _Door(shared_consumers.Door):
    """Lets in who may see the dashboard; who may not write reads along."""

    model = Dashboard
    kind: ClassVar[RoomKind] = LAYOUT


class LayoutConsumer(_Door, shared_consumers.SharedRoomConsumer):
    """The room's socket: y-protocols, see `collab.engine.protocol`."""


class PeopleConsumer(_Door, shared_consumers.PeopleConsumer):
    """Who is in a dashboard, and what one may do to it."""


class ListConsumer(lists.ListConsumer):
    """A list of dashboards: who is in which, and that it changed."""

    model = Dashboard
