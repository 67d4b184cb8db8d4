"""HTTP requests on Daphne, with a bound on their bodies.

Daphne takes the whole body into memory or a temporary file before the application sees the request,
however long it is and whoever sends it.
"""

from __future__ import annotations

from typing import Any

from daphne.http_protocol import HTTPFactory, WebRequest

from collab.bodies import max_body_bytes, refusal


class BoundedRequest(WebRequest):
    """A request that is refused with 413 as soon as its body is seen to be too long."""

    _received_bytes = 0
    _refused = False

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > max_body_bytes():
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._received_bytes += len(data)
        if self._received_bytes > max_body_bytes():
            self._refuse()
        elif not self._refused:
            super().handleContentChunk(data)

    def _refuse(self) -> None:
        if self._refused:
            return
        self._refused = True
        body = refusal()
        self.channel.transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        self.channel.transport.loseConnection()


class BoundedFactory(HTTPFactory):
    """Makes bounded requests."""

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = BoundedRequest
        return protocol
