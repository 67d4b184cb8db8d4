"""A list's socket: who is in which object, and that the list changed."""

from __future__ import annotations

from array import array
from typing import Any, ClassVar
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from django.utils.translation import gettext as _

from collab import access
from collab.consumers import LiveConsumer, NotAdmitted
from collab.engine.errors import CloseCode
from collab.lobby import Lobby, Sight
from collab.process import Process
from collab.shared import SharedObject

# Fragments of one frame; a page that comes back may be owed many.
_PER_FRAME = 100


def admit(scope: dict[str, Any], model: type[SharedObject]) -> Sight:
    """Find out whose page this is and which rooms they may see.

    Raises:
        NotAdmitted: nobody is logged in (4401).
    """
    user: Any = access.user_of_scope(scope)
    if not user.is_authenticated:
        plural = model._meta.verbose_name_plural
        raise NotAdmitted(CloseCode.NO_LOGIN, _("Log in to see your %s.") % plural)
    rooms = model.objects.shared_with(user).order_by().values_list("room_id", flat=True)
    return Sight(
        user=user.pk,
        groups=frozenset(user.groups.values_list("pk", flat=True)),
        links=access.links_of(user),
        rooms=array("q", sorted(rooms.iterator())),
    )


class ListConsumer(LiveConsumer):
    """A list's socket; `model` says of what. `?since=<unix time>`: when the page was rendered.

    While it does not read it is owed the latest fragment of each element, and no more.
    """

    model: ClassVar[type[SharedObject]]
    sight: Sight

    _inside = False
    _stalled = False

    async def enter(self) -> None:
        self._owed: dict[str, str] = {}
        self.sight = await self._admit()
        since = parse_qs(self.scope["query_string"].decode("latin-1")).get("since", [""])[0]
        rendered_at = float(since) if since.isdecimal() and len(since) < 15 else 0.0
        self._inside = True
        Lobby.of(self.model).enter(self, rendered_at)

    async def ask(self) -> None:
        self.sight = await self._admit()
        if self._inside:
            Lobby.of(self.model).refresh(self)

    async def _admit(self) -> Sight:
        pool = Process.current().pool
        in_pool = database_sync_to_async(admit, thread_sensitive=False, executor=pool)
        sight: Sight = await in_pool(self.scope, self.model)
        return sight

    def owe(self, fragments: dict[str, str]) -> None:
        """Send fragments, by their element; while the socket does not read, keep the latest."""
        self._owed.update(fragments)
        self._pay()

    def end(self) -> None:
        """Close: the process stops."""
        self.wire.close(CloseCode.RESTART, _("The server restarts; come back."))

    def receive(self, frame: bytes) -> None:
        self.receive_text("")

    def drained(self) -> None:
        self._stalled = False
        self._pay()

    def leave(self) -> None:
        if self._inside:
            self._inside = False
            Lobby.of(self.model).leave(self)

    def _pay(self) -> None:
        while self._owed and not self._stalled:
            first = list(self._owed)[:_PER_FRAME]
            self._stalled = not self.wire.write_text("".join(self._owed.pop(key) for key in first))
