"""uvicorn, set up for live sockets: `python -m collab.site.uvicorn --port 8000`.

Plain uvicorn works too. It stops reading a socket at each frame until the application has taken
it, and carries each frame in events and tasks; here small binary frames are handed over as they
are read, and written at once (`collab.framing`'s extension).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from collab import framing
from collab.framing import EXTENSION

_SMALL_BYTES = 2**16
# From the answer to the handshake to the first frame of a close, either side's.
_OPEN = State.OPEN


class LiveProtocol(WebSocketsSansIOProtocol):
    """A WebSocket of uvicorn's with the extension `collab.frames`."""

    _take: Callable[[bytes], None] | None = None

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            # The application starts on the next turn of the loop.
            extensions = scope.setdefault("extensions", {})
            extensions[EXTENSION] = {"send_now": self.send_now, "hand_to": self.hand_to}

    def hand_to(self, take: Callable[[bytes], None] | None) -> None:
        """Have binary frames taken as they are read, once those before them are. None: no more."""
        self._take = take

    def data_received(self, data: bytes) -> None:
        at = 0
        if not self.frames and self._between_frames:
            while (
                self._take is not None
                and self.queue.empty()
                and self._open
                and (frame := framing.read_small(data, at))
            ):
                payload, at = frame
                self._take(payload)
        if at < len(data):
            super().data_received(data[at:] if at else data)

    @property
    def _between_frames(self) -> bool:
        """Whether the library waits for the first byte of a frame.

        Its parser tells by where it waits: for bytes at all, or for those of a frame. A version
        that is written differently is given every frame.
        """
        parser = getattr(self.conn.parser, "gi_yieldfrom", None)
        waits_in = getattr(parser, "gi_yieldfrom", None)
        return getattr(waits_in, "__name__", "") == "at_eof"

    def send_receive_event_to_app(self) -> None:
        if (
            self._take is None
            or self.close_sent
            or self.curr_msg_data_type != "bytes"
            or not self.queue.empty()
        ):
            super().send_receive_event_to_app()
            return
        frames, self.frames = self.frames, []
        self._take(b"".join(frames))

    def send_now(self, payload: bytes) -> bool:
        """Send a binary frame if it is small and the peer reads. Returns whether it was sent."""
        if len(payload) > _SMALL_BYTES or not self._open or not self.writable.is_set():
            return False
        self.transport.write(framing.header(framing.BINARY, len(payload)) + payload)
        return True

    async def send(self, message: Any) -> None:
        if message["type"] != EXTENSION:
            await super().send(message)
            return
        await self.writable.wait()
        if self._open:
            self.transport.write(message["data"])

    @property
    def _open(self) -> bool:
        return self.conn.state is _OPEN and not self.close_sent and not self.transport.is_closing()


def main() -> None:
    """Serve the ready-made site."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "collab.site.settings")
    from collab import conf

    parser = argparse.ArgumentParser(prog="python -m collab.site.uvicorn")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port (%(default)s)")
    chosen = parser.parse_args()
    uvicorn.run(
        "collab.site.asgi:application",
        host=chosen.host,
        port=chosen.port,
        ws=LiveProtocol,
        # As `collab.site.server` does: see there.
        ws_max_size=2 * conf.get("FRAME_BYTES"),
        log_level="warning",
    )


if __name__ == "__main__":
    main()
