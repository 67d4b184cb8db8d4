"""The ASGI application: Django's pages, the sockets, and the engine's end."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.site.settings")
_pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from collab.bodies import BoundedBodies  # noqa: E402
from collab.process import Process  # noqa: E402
from collab.site.sockets import NoSuchSocket  # noqa: E402
from dashboards.routing import websocket_urlpatterns as dashboard_sockets  # noqa: E402
from documents.routing import websocket_urlpatterns as document_sockets  # noqa: E402


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Save everything before the server exits. Daphne has no lifespan: `collab.site.server`."""
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            Process.current()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            process = Process.running()
            if process is not None:
                await process.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter(
    {
        "http": BoundedBodies(_pages),
        "websocket": NoSuchSocket(URLRouter(document_sockets + dashboard_sockets)),
        "lifespan": lifespan,
    }
)
